"""Exact permutation tests of linear models: the label-free work once per fold, all draws solved together.

``gram`` makes the kernel of every training set; ``closed`` (closed forms) and ``margin`` (by ``splitting`` over
``losses``) are the solvers over it; ``solvers`` says which estimator has one; ``draws`` tunes and refits every draw
and ``scores`` judges it.
"""
