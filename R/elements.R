# Read elements of data sets by name, and refuse to change data sets and models. Their elements
# describe objects in Python, which a change in R would not reach.

# The linter does not know that these are names of methods.
# nolint start: object_name_linter.

#' @export
`$.cifar_dataset` <- function(x, name) {
  element_of(x, name)
}

#' @export
`[[.cifar_dataset` <- function(x, i, ...) {
  element_of(x, i)
}

#' @export
`[.cifar_dataset` <- function(x, i, ...) {
  abort_pycifar(
    "argument",
    "A data set cannot be indexed by `[`: its images are not in R.",
    fix = paste(
      "Use cifar_images(dataset, 1:10, split = \"train\") for images,",
      "as.data.frame(dataset)[1:10, ] for rows of the table of images, and",
      "subset(dataset, 1:10, split = \"train\") for a smaller data set."
    )
  )
}

#' @export
as.list.cifar_dataset <- function(x, ...) {
  unclass(x)
}

# Return an element of a data set by its name or number.
element_of <- function(dataset, i, call = rlang::caller_env()) {
  elements <- unclass(dataset)
  known <- if (is.numeric(i)) i %in% seq_along(elements) else i %in% names(elements)
  if (length(i) == 1L && known) {
    return(elements[[i]])
  }
  abort_pycifar(
    c("unknown_name", "argument"),
    sprintf(
      "A data set has no element %s; it has %s.",
      describe(i),
      paste0("`", setdiff(names(elements), c("handle", "kept")), "`", collapse = ", ")
    ),
    fix = sprintf(
      paste(
        "cifar_images(dataset, 1:10, split = \"%1$s\") gives images,",
        "cifar_labels(dataset, split = \"%1$s\") their classes."
      ),
      if (is.character(i) && i[[1L]] %in% names(elements$splits)) i[[1L]] else "train"
    ),
    call = call
  )
}

#' @export
`$<-.cifar_dataset` <- function(x, name, value) {
  abort_fixed(x)
}

#' @export
`[[<-.cifar_dataset` <- `$<-.cifar_dataset`

#' @export
`[<-.cifar_dataset` <- `$<-.cifar_dataset`

#' @export
`names<-.cifar_dataset` <- function(x, value) {
  abort_fixed(x)
}

#' @export
`levels<-.cifar_dataset` <- `names<-.cifar_dataset`

#' @export
`$<-.cifar_trained_model` <- function(x, name, value) {
  abort_fixed(x)
}

#' @export
`[[<-.cifar_trained_model` <- `$<-.cifar_trained_model`

#' @export
`[<-.cifar_trained_model` <- `$<-.cifar_trained_model`

#' @export
`names<-.cifar_trained_model` <- function(x, value) {
  abort_fixed(x)
}

#' @export
`levels<-.cifar_trained_model` <- `names<-.cifar_trained_model`

# nolint end

# Signal that a data set or a model cannot be changed.
abort_fixed <- function(x, call = rlang::caller_env()) {
  is_dataset <- inherits(x, "cifar_dataset")
  abort_pycifar(
    "argument",
    sprintf(
      "%s cannot be changed: its elements describe what is in Python.",
      if (is_dataset) "A data set" else "A model"
    ),
    fix = if (is_dataset) {
      "Give `class_names`, or a factor, to cifar_load_dataset()."
    } else {
      "Classes get other names in what predict() returns: levels(classes) <- names"
    },
    call = call
  )
}
