# Style of all R code: the package with its tests and vignettes, and the scripts beside it.
# Ends with status 1 when there is anything to say. What has not changed is not read again.

cache <- ".check/lintr"
lints <- c(
  lintr::lint_package(".", cache = cache),
  lintr::lint_dir("benchmarks", cache = cache),
  lintr::lint_dir("tools", cache = cache)
)
for (lint in lints) {
  print(lint)
}
cat(length(lints), "lints\n")
quit(status = as.integer(length(lints) > 0L))
