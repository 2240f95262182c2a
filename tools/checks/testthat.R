# Usage: Rscript testthat.R REPORT [FILTER]
# Runs tests/testthat on the installed package and writes "passed failed skipped" to REPORT, counted
# in test_that() blocks. A warning that no test expects is a failure. FILTER is a regular expression
# that the names of the files must match.

arguments <- commandArgs(trailingOnly = TRUE)
report <- arguments[[1]]
filter <- if (length(arguments) > 1 && nzchar(arguments[[2]])) arguments[[2]]

Sys.setenv(NOT_CRAN = "true")
results <- testthat::test_dir(
  "tests/testthat",
  package = "pycifar",
  load_package = "installed",
  filter = filter,
  reporter = testthat::CheckReporter$new(),
  stop_on_failure = FALSE
)

results <- as.data.frame(results)
failed <- results$failed > 0L | results$error | results$warning > 0L
skipped <- results$skipped & !failed
writeLines(paste(sum(!failed & !skipped), sum(failed), sum(skipped)), report)
quit(status = as.integer(any(failed)))
