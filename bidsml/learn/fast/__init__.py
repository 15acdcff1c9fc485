"""Exact permutation tests of linear models: the label-free work once per fold, all draws solved together.

``gram`` makes the kernel of every training set, ``losses`` and ``splitting`` (iterative) and ``closed`` (closed form) the
solvers over it, ``solvers`` says which estimator has one, ``draws`` tunes and scores every draw, ``patterns``
corrects maps of weights.
"""
