"""Sources that the methods text cites."""

from bidsml.report.blocks import Reference

BIDS = Reference(
    "Gorgolewski KJ et al. 2016. The brain imaging data structure. Scientific Data 3:160044.",
    doi="10.1038/sdata.2016.44",
)
BIDS_APPS = Reference(
    "Gorgolewski KJ et al. 2017. BIDS apps. PLoS Computational Biology 13:e1005209.",
    doi="10.1371/journal.pcbi.1005209",
)
NIPYPE = Reference(
    "Gorgolewski K et al. 2011. Nipype. Frontiers in Neuroinformatics 5:13.",
    doi="10.3389/fninf.2011.00013",
)
PYBIDS = Reference(
    "Yarkoni T et al. 2019. PyBIDS. Journal of Open Source Software 4:1294.",
    doi="10.21105/joss.01294",
)
NILEARN = Reference(
    "Nilearn contributors. nilearn.",
    doi="10.5281/zenodo.8397156",
)
SKLEARN = Reference(
    "Pedregosa F et al. 2011. Scikit-learn. Journal of Machine Learning Research 12:2825–2830.",
    url="https://jmlr.org/papers/v12/pedregosa11a.html",
)
POWER = Reference(
    "Power JD et al. 2012. Spurious but systematic correlations in functional connectivity MRI networks "
    "arise from subject motion. NeuroImage 59:2142–2154.",
    doi="10.1016/j.neuroimage.2011.10.018",
)
BRAIN_AGE_BIAS = Reference(
    "Le TT et al. 2018. A nonlinear simulation framework supports adjusting for age when analyzing BrainAGE. "
    "Frontiers in Aging Neuroscience 10:317.",
    doi="10.3389/fnagi.2018.00317",
)
CIRIC = Reference(
    "Ciric R et al. 2017. Benchmarking of participant-level confound regression strategies. NeuroImage 154:174–187.",
    doi="10.1016/j.neuroimage.2017.03.020",
)
FISCHL = Reference("Fischl B 2012. FreeSurfer. NeuroImage 62:774–781.", doi="10.1016/j.neuroimage.2012.01.021")
FISCHL_DALE = Reference(
    "Fischl B, Dale AM 2000. Measuring the thickness of the human cerebral cortex from magnetic resonance images. "
    "PNAS 97:11050–11055.",
    doi="10.1073/pnas.200033797",
)
FISCHL_ASEG = Reference(
    "Fischl B et al. 2002. Whole brain segmentation: automated labeling of neuroanatomical structures in the human "
    "brain. Neuron 33:341–355.",
    doi="10.1016/S0896-6273(02)00569-X",
)
BUCKNER = Reference(
    "Buckner RL et al. 2004. A unified approach for morphometric and functional data analysis in young, old, and "
    "demented adults using automated atlas-based head size normalization. NeuroImage 23:724–738.",
    doi="10.1016/j.neuroimage.2004.06.018",
)
MRIQC = Reference(
    "Esteban O et al. 2017. MRIQC: advancing the automatic prediction of image quality in MRI from unseen sites. "
    "PLoS ONE 12:e0184661.",
    doi="10.1371/journal.pone.0184661",
)
BASSER = Reference(
    "Basser PJ, Pierpaoli C 1996. Microstructural and physiological features of tissues elucidated by "
    "quantitative-diffusion-tensor MRI. Journal of Magnetic Resonance B 111:209–219.",
    doi="10.1006/jmrb.1996.0086",
)
JENSEN = Reference(
    "Jensen JH et al. 2005. Diffusional kurtosis imaging: the quantification of non-Gaussian water diffusion by means "
    "of magnetic resonance imaging. Magnetic Resonance in Medicine 53:1432–1440.",
    doi="10.1002/mrm.20508",
)
ZHANG = Reference(
    "Zhang H et al. 2012. NODDI: practical in vivo neurite orientation dispersion and density imaging of the human "
    "brain. NeuroImage 61:1000–1016.",
    doi="10.1016/j.neuroimage.2012.03.072",
)
TUCH = Reference("Tuch DS 2004. Q-ball imaging. Magnetic Resonance in Medicine 52:1358–1372.", doi="10.1002/mrm.20279")
MNE = Reference(
    "Gramfort A et al. 2013. MEG and EEG data analysis with MNE-Python. Frontiers in Neuroscience 7:267.",
    doi="10.3389/fnins.2013.00267",
)
MNE_BIDS = Reference(
    "Appelhoff S et al. 2019. MNE-BIDS: organizing electrophysiological data into the BIDS format and facilitating "
    "their analysis. Journal of Open Source Software 4:1896.",
    doi="10.21105/joss.01896",
)
WELCH = Reference(
    "Welch P 1967. The use of fast Fourier transform for the estimation of power spectra: a method based on time "
    "averaging over short, modified periodograms. IEEE Transactions on Audio and Electroacoustics 15:70–73.",
    doi="10.1109/TAU.1967.1161901",
)
SABBAGH = Reference(
    "Sabbagh D et al. 2020. Predictive regression modeling with MEG/EEG: from source power to signals and cognitive "
    "states. NeuroImage 222:116893.",
    doi="10.1016/j.neuroimage.2020.116893",
)
LEDOIT_WOLF = Reference(
    "Ledoit O, Wolf M 2004. A well-conditioned estimator for large-dimensional covariance matrices. "
    "Journal of Multivariate Analysis 88:365–411.",
    doi="10.1016/S0047-259X(03)00096-4",
)
TANGENT = Reference(
    "Varoquaux G et al. 2010. Detection of brain functional-connectivity difference in post-stroke "
    "patients using group-level covariance modeling. MICCAI 2010.",
    doi="10.1007/978-3-642-15705-9_25",
)
FALFF = Reference(
    "Zou Q-H et al. 2008. An improved approach to detection of amplitude of low-frequency fluctuation "
    "(ALFF) for resting-state fMRI: fractional ALFF. Journal of Neuroscience Methods 172:137–141.",
    doi="10.1016/j.jneumeth.2008.04.012",
)
ZANG = Reference(
    "Zang Y-F et al. 2007. Altered baseline brain activity in children with ADHD revealed by resting-state functional "
    "MRI. Brain & Development 29:83–91.",
    doi="10.1016/j.braindev.2006.07.002",
)
GARRETT = Reference(
    "Garrett DD et al. 2010. Blood oxygen level-dependent signal variability is more than just noise. "
    "Journal of Neuroscience 30:4914–4921.",
    doi="10.1523/JNEUROSCI.5166-09.2010",
)
VON_NEUMANN = Reference(
    "von Neumann J et al. 1941. The mean square successive difference. Annals of Mathematical Statistics 12:153–162.",
    doi="10.1214/aoms/1177731746",
)
SNOEK = Reference(
    "Snoek L et al. 2019. How to control for confounds in decoding analyses of neuroimaging data. "
    "NeuroImage 184:741–760.",
    doi="10.1016/j.neuroimage.2018.09.074",
)
COMBAT = Reference(
    "Johnson WE, Li C, Rabinovic A 2007. Adjusting batch effects in microarray expression data using empirical "
    "Bayes methods. Biostatistics 8:118–127.",
    doi="10.1093/biostatistics/kxj037",
)
COMBAT_DIFFUSION = Reference(
    "Fortin J-P et al. 2017. Harmonization of multi-site diffusion tensor imaging data. NeuroImage 161:149–170.",
    doi="10.1016/j.neuroimage.2017.08.047",
)
COMBAT_BRAIN = Reference(
    "Fortin J-P et al. 2018. Harmonization of cortical thickness measurements across scanners and sites. "
    "NeuroImage 167:104–120.",
    doi="10.1016/j.neuroimage.2017.11.024",
)
WEINBERGER = Reference(
    "Weinberger K et al. 2009. Feature hashing for large scale multitask learning. ICML 2009:1113–1120.",
    doi="10.1145/1553374.1553516",
)
DEERWESTER = Reference(
    "Deerwester S et al. 1990. Indexing by latent semantic analysis. Journal of the American Society for Information "
    "Science 41:391–407.",
    doi="10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9",
)
DOWNEY = Reference(
    "Downey RG, King CV 1998. Missing data in Likert ratings: a comparison of replacement methods. Journal of General "
    "Psychology 125:175–191.",
    doi="10.1080/00221309809595542",
)
MARQUAND = Reference(
    "Marquand AF et al. 2016. Understanding heterogeneity in clinical cohorts using normative models: beyond "
    "case-control studies. Biological Psychiatry 80:552–561.",
    doi="10.1016/j.biopsych.2015.12.023",
)
FRAZA = Reference(
    "Fraza CJ et al. 2021. Warped Bayesian linear regression for normative modelling of big data. "
    "NeuroImage 245:118715.",
    doi="10.1016/j.neuroimage.2021.118715",
)
KIA = Reference(
    "Kia SM et al. 2020. Hierarchical Bayesian regression for multi-site normative modeling of neuroimaging data. "
    "MICCAI 2020.",
    doi="10.1007/978-3-030-59728-3_68",
)
KOENKER = Reference(
    "Koenker R 1981. A note on studentizing a test for heteroscedasticity. Journal of Econometrics 17:107–112.",
    doi="10.1016/0304-4076(81)90062-2",
)
NADEAU = Reference(
    "Nadeau C, Bengio Y 2003. Inference for the generalization error. Machine Learning 52:239–281.",
    doi="10.1023/A:1024068626366",
)
EFRON = Reference(
    "Efron B, Tibshirani RJ 1993. An introduction to the bootstrap. New York: Chapman & Hall.",
    doi="10.1201/9780429246593",
)
DELONG = Reference(
    "DeLong ER, DeLong DM, Clarke-Pearson DL 1988. Comparing the areas under two or more correlated receiver "
    "operating characteristic curves: a nonparametric approach. Biometrics 44:837–845.",
    doi="10.2307/2531595",
)
SUN_XU = Reference(
    "Sun X, Xu W 2014. Fast implementation of DeLong's algorithm for comparing the areas under correlated receiver "
    "operating characteristic curves. IEEE Signal Processing Letters 21:1389–1393.",
    doi="10.1109/LSP.2014.2337313",
)
PHIPSON = Reference(
    "Phipson B, Smyth GK 2010. Permutation p-values should never be zero. Statistical Applications in "
    "Genetics and Molecular Biology 9:39.",
    doi="10.2202/1544-6115.1585",
)
BESAG = Reference(
    "Besag J, Clifford P 1991. Sequential Monte Carlo p-values. Biometrika 78:301–304.",
    doi="10.1093/biomet/78.2.301",
)
KNIJNENBURG = Reference(
    "Knijnenburg TA et al. 2009. Fewer permutations, more accurate P-values. Bioinformatics 25:i161–i168.",
    doi="10.1093/bioinformatics/btp211",
)
WESTFALL = Reference(
    "Westfall PH, Young SS 1993. Resampling-based multiple testing: examples and methods for p-value adjustment. "
    "New York: Wiley.",
)
WINKLER = Reference(
    "Winkler AM et al. 2015. Multi-level block permutation. NeuroImage 123:253–268.",
    doi="10.1016/j.neuroimage.2015.05.092",
)
HAUFE = Reference(
    "Haufe S et al. 2014. On the interpretation of weight vectors of linear models in multivariate "
    "neuroimaging. NeuroImage 87:96–110.",
    doi="10.1016/j.neuroimage.2013.10.067",
)
VICKERS = Reference(
    "Vickers AJ, Elkin EB 2006. Decision curve analysis: a novel method for evaluating prediction models. "
    "Medical Decision Making 26:565–574.",
    doi="10.1177/0272989X06295361",
)
FIGUEROA = Reference(
    "Figueroa RL et al. 2012. Predicting sample size required for classification performance. "
    "BMC Medical Informatics and Decision Making 12:8.",
    doi="10.1186/1472-6947-12-8",
)
TRIPOD_AI = Reference(
    "Collins GS et al. 2024. TRIPOD+AI statement: updated guidance for reporting clinical prediction models that use "
    "regression or machine learning methods. BMJ 385:e078378.",
    doi="10.1136/bmj-2023-078378",
)
CLAIM = Reference(
    "Tejani AS et al. 2024. Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 update. "
    "Radiology: Artificial Intelligence 6:e240300.",
    doi="10.1148/ryai.240300",
)
MITCHELL = Reference(
    "Mitchell M et al. 2019. Model cards for model reporting. Proceedings of the Conference on Fairness, "
    "Accountability, and Transparency:220–229.",
    doi="10.1145/3287560.3287596",
)
TUSTISON = Reference(
    "Tustison NJ et al. 2010. N4ITK: improved N3 bias correction. IEEE Transactions on Medical Imaging 29:1310–1320.",
    doi="10.1109/TMI.2010.2046908",
)
AVANTS_SYN = Reference(
    "Avants BB et al. 2008. Symmetric diffeomorphic image registration with cross-correlation: evaluating automated "
    "labeling of elderly and neurodegenerative brain. Medical Image Analysis 12:26–41.",
    doi="10.1016/j.media.2007.06.004",
)
AVANTS_ATROPOS = Reference(
    "Avants BB et al. 2011. An open source multivariate framework for n-tissue segmentation with evaluation on "
    "public data. Neuroinformatics 9:381–400.",
    doi="10.1007/s12021-011-9109-y",
)
MATTES = Reference(
    "Mattes D et al. 2003. PET-CT image registration in the chest using free-form deformations. IEEE Transactions "
    "on Medical Imaging 22:120–128.",
    doi="10.1109/TMI.2003.809072",
)
GOOD = Reference(
    "Good CD et al. 2001. A voxel-based morphometric study of ageing in 465 normal adult human brains. "
    "NeuroImage 14:21–36.",
    doi="10.1006/nimg.2001.0786",
)
VOEVODSKAYA = Reference(
    "Voevodskaya O et al. 2014. The effects of intracranial volume adjustment approaches on multiple regional MRI "
    "volumes in healthy aging and Alzheimer's disease. Frontiers in Aging Neuroscience 6:264.",
    doi="10.3389/fnagi.2014.00264",
)
IGLEWICZ = Reference(
    "Iglewicz B, Hoaglin DC 1993. How to detect and handle outliers. Milwaukee: ASQC Quality Press.",
)
BAKER = Reference(
    "Baker S, Matthews I 2004. Lucas-Kanade 20 years on: a unifying framework. International Journal of Computer "
    "Vision 56:221–255.",
    doi="10.1023/B:VISI.0000011205.11775.fd",
)
UNSER = Reference(
    "Unser M 1999. Splines: a perfect fit for signal and image processing. IEEE Signal Processing Magazine 16:22–38.",
    doi="10.1109/79.799930",
)
FRISTON_MOTION = Reference(
    "Friston KJ et al. 1996. Movement-related effects in fMRI time-series. Magnetic Resonance in Medicine 35:346–355.",
    doi="10.1002/mrm.1910350312",
)
SATTERTHWAITE = Reference(
    "Satterthwaite TD et al. 2013. An improved framework for confound regression and filtering for control of motion "
    "artifact in the preprocessing of resting-state functional connectivity data. NeuroImage 64:240–256.",
    doi="10.1016/j.neuroimage.2012.08.052",
)
NICHOLS = Reference(
    "Nichols TE 2013. Notes on creating a standardized version of DVARS. arXiv:1704.01469.",
    doi="10.48550/arXiv.1704.01469",
)
BEHZADI = Reference(
    "Behzadi Y et al. 2007. A component based noise correction method (CompCor) for BOLD and perfusion based fMRI. "
    "NeuroImage 37:90–101.",
    doi="10.1016/j.neuroimage.2007.04.042",
)
MUSCHELLI = Reference(
    "Muschelli J et al. 2014. Reduction of motion-related artifacts in resting state fMRI using aCompCor. "
    "NeuroImage 96:22–35.",
    doi="10.1016/j.neuroimage.2014.03.028",
)
GLOVER = Reference(
    "Glover GH 1999. Deconvolution of impulse response in event-related BOLD fMRI. NeuroImage 9:416–429.",
    doi="10.1006/nimg.1998.0419",
)
FRISTON_RESPONSE = Reference(
    "Friston KJ et al. 1998. Event-related fMRI: characterizing differential responses. NeuroImage 7:30–40.",
    doi="10.1006/nimg.1997.0306",
)
AGUIRRE = Reference(
    "Aguirre GK, Zarahn E, D'Esposito M 1998. The inferential impact of global signal covariates in functional "
    "neuroimaging analyses. NeuroImage 8:302–306.",
    doi="10.1006/nimg.1998.0367",
)
SIEGEL = Reference(
    "Siegel JS et al. 2014. Statistical improvements in functional magnetic resonance imaging analyses produced by "
    "censoring high-motion data points. Human Brain Mapping 35:1981–1996.",
    doi="10.1002/hbm.22307",
)
MUMFORD = Reference(
    "Mumford JA et al. 2012. Deconvolving BOLD activation in event-related designs for multivoxel pattern "
    "classification analyses. NeuroImage 59:2636–2643.",
    doi="10.1016/j.neuroimage.2011.08.076",
)
