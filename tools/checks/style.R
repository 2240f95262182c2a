# Format of all R code, by styler, which Debian does not have: where it is not installed, this ends
# with status 77, which means that nothing was checked.

if (!requireNamespace("styler", quietly = TRUE)) {
  cat("styler is not installed; install.packages(\"styler\") brings it.\n")
  quit(status = 77L)
}
styler::style_pkg(".", dry = "fail")
styler::style_dir("benchmarks", dry = "fail")
styler::style_dir("tools", dry = "fail")
