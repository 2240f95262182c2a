# Usage: Rscript install_from_cran.R PACKAGE LIBRARY
# Installs PACKAGE from the user's own repositories, or from CRAN. Without a network it says so and
# exits with 0: the caller looks at what is installed and has another source.

arguments <- commandArgs(trailingOnly = TRUE)
package <- arguments[[1]]
library <- arguments[[2]]

if (identical(unname(getOption("repos")["CRAN"]), "@CRAN@")) {
  utils::chooseCRANmirror(graphics = FALSE, ind = 1, local.only = TRUE)
}

# Short while the repository is only asked whether it is there, long while it delivers.
options(timeout = 10)
available <- suppressWarnings(utils::available.packages())
if (package %in% rownames(available)) {
  options(timeout = 300)
  utils::install.packages(package, lib = library, quiet = TRUE)
} else {
  message("CRAN cannot be reached from here.")
}
