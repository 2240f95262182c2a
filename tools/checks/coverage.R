# Usage: Rscript coverage.R SOURCE
# Runs the tests of the R package in SOURCE on an instrumented copy of it, and ends with status 1
# where they reach fewer than 90% of the lines.

source <- commandArgs(trailingOnly = TRUE)[[1]]
least <- 90 # per cent

Sys.setenv(NOT_CRAN = "true")
found <- covr::package_coverage(source, type = "tests", quiet = FALSE)
print(found)
quit(status = as.integer(covr::percent_coverage(found) < least))
