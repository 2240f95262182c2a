# Style of all R code: the package with its tests and vignettes, and the scripts beside it.
# Ends with status 1 when there is anything to say.

lints <- c(
  lintr::lint_package("."),
  lintr::lint_dir("benchmarks"),
  lintr::lint_dir("tools")
)
for (lint in lints) {
  print(lint)
}
cat(length(lints), "lints\n")
quit(status = as.integer(length(lints) > 0L))
