#' Check the installation of pycifar
#'
#' Shows R, reticulate, which Python is used and why, its packages and their versions, the backend,
#' the processor and devices, and where CIFAR-10 was found. It also works if Python or a package is
#' missing or broken, and says how to fix that. The Python packages are imported in a separate
#' process, which takes some seconds.
#'
#' @inheritParams cifar_evaluate
#'
#' @return An object of class `cifar_diagnosis`, a list with
#'   * `ok`: whether there is no problem. There may be warnings.
#'   * `checks`: a tibble with the columns `name` (what was checked), `value` (what was found),
#'     `status` and `fix` (what to do, or `NA`). The status is `"ok"`, `"warning"` (it works, but
#'     not as well as it could) or `"problem"` (pycifar does not work).
#' @export
#' @examplesIf cifar_available()
#' cifar_doctor()
cifar_doctor <- function(...) {
  check_no_more("cifar_doctor", ...)
  in_python <- tryCatch(
    python_checks(),
    pycifar_error_dependency = function(error) {
      checks_table("Python", error$message, "problem", error$fix)
    }
  )
  checks <- rbind(r_checks(), in_python)
  structure(
    list(ok = !any(checks$status == "problem"), checks = checks),
    class = "cifar_diagnosis"
  )
}

#' @export
print.cifar_diagnosis <- function(x, ...) {
  check_no_more("print", ...)
  checks <- x$checks
  names <- format(checks$name)
  indent <- strrep(" ", 9L + nchar(names[[1L]]) + 2L)
  for (i in seq_len(nrow(checks))) {
    cat(sprintf("%-7s  %s  %s\n", checks$status[[i]], names[[i]], checks$value[[i]]))
    if (!is.na(checks$fix[[i]])) {
      cat(sprintf("%s\u2192 %s\n", indent, checks$fix[[i]]))
    }
  }
  warnings <- sum(checks$status == "warning")
  noted <- if (warnings > 0L) sprintf(", %d warning%s", warnings, if (warnings > 1L) "s" else "")
  cat(if (x$ok) paste0("\nNo problem", noted, ".\n") else "\nThere is a problem: see above.\n")
  invisible(x)
}

# Return the checks that Python makes, as a tibble.
python_checks <- function() {
  checks <- python_call("doctor", call = rlang::caller_env())
  column <- function(name) {
    as_column(lapply(checks, function(check) check[[name]]))
  }
  checks_table(column("name"), column("value"), column("status"), column("fix"))
}

# Return the checks of R and its packages, as a tibble.
r_checks <- function() {
  checks_table(
    c("R", "R package", "reticulate"),
    c(
      sprintf("%s at %s", getRversion(), R.home()),
      sprintf(
        "pycifar %s in %s",
        utils::packageVersion("pycifar"),
        system.file(package = "pycifar")
      ),
      reticulate_state()
    ),
    "ok",
    NA
  )
}

checks_table <- function(name, value, status, fix) {
  tibble::tibble(name = name, value = value, status = status, fix = as.character(fix))
}
