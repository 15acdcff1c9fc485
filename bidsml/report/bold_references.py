"""Sources that the methods text cites for features from BOLD beyond the connectome."""

from bidsml.report.blocks import Reference

ALLEN = Reference(
    "Allen EA et al. 2014. Tracking whole-brain connectivity dynamics in the resting state. Cerebral Cortex "
    "24:663–676.",
    doi="10.1093/cercor/bhs352",
)
HINDRIKS = Reference(
    "Hindriks R et al. 2016. Can sliding-window correlations reveal dynamic functional connectivity in resting-state "
    "fMRI? NeuroImage 127:242–256.",
    doi="10.1016/j.neuroimage.2015.11.055",
)
LAUMANN = Reference(
    "Laumann TO et al. 2017. On the stability of BOLD fMRI correlations. Cerebral Cortex 27:4719–4732.",
    doi="10.1093/cercor/bhw265",
)
ONNELA = Reference(
    "Onnela J-P et al. 2005. Intensity and coherence of motifs in weighted complex networks. Physical Review E "
    "71:065103.",
    doi="10.1103/PhysRevE.71.065103",
)
RUBINOV = Reference(
    "Rubinov M, Sporns O 2010. Complex network measures of brain connectivity: uses and interpretations. NeuroImage "
    "52:1059–1069.",
    doi="10.1016/j.neuroimage.2009.10.003",
)
BLONDEL = Reference(
    "Blondel VD et al. 2008. Fast unfolding of communities in large networks. Journal of Statistical Mechanics "
    "2008:P10008.",
    doi="10.1088/1742-5468/2008/10/P10008",
)
NETWORKX = Reference(
    "Hagberg AA et al. 2008. Exploring network structure, dynamics, and function using NetworkX. Proceedings of the "
    "7th Python in Science Conference.",
    doi="10.25080/TCWV9851",
)
BISWAL = Reference(
    "Biswal B et al. 1995. Functional connectivity in the motor cortex of resting human brain using echo-planar MRI. "
    "Magnetic Resonance in Medicine 34:537–541.",
    doi="10.1002/mrm.1910340409",
)
ZANG_REHO = Reference(
    "Zang Y et al. 2004. Regional homogeneity approach to fMRI data analysis. NeuroImage 22:394–400.",
    doi="10.1016/j.neuroimage.2003.12.030",
)
