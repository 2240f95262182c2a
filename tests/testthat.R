library(testthat)
library(pycifar)

test_check("pycifar")
