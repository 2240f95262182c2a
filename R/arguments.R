# What crosses to Python. Python says whether a value is allowed; the checks here are for what R has
# and Python has not: missing values, vectors where one value is meant, and R's own kinds of object.

# One value, or NULL. `allowed` says what it may be, such as "a number".
one_value <- function(x, name, allowed, call = rlang::caller_env()) {
  if (is.null(x)) {
    return(NULL)
  }
  # Text may have a class, as paths of fs have; a date is no number.
  plain <- if (is.factor(x) || is.character(x)) as.character(x) else x
  if (!is_single(plain) || is.na(plain)) {
    abort_argument(name, allowed, x, call)
  }
  as_python_number(as.vector(plain))
}

# Several values, as a list of its own for Python even where there is only one; or NULL.
several_values <- function(x, name, allowed, call = rlang::caller_env()) {
  unname(listed_values(x, name, allowed, call))
}

# Values with their names, if they have any, which Python takes as a dict; or NULL.
named_values <- function(x, name, allowed, call = rlang::caller_env()) {
  values <- listed_values(x, name, allowed, call)
  check_names_differ(values, name, call)
  values
}

# A dict would hold the last value of several with one name.
check_names_differ <- function(values, name, call) {
  twice <- names(values)[duplicated(names(values))]
  if (length(twice) > 0L) {
    abort_pycifar(
      "argument",
      sprintf("`%s` must have one value a name; it has several `%s`.", name, twice[[1L]]),
      call = call
    )
  }
}

listed_values <- function(x, name, allowed, call) {
  if (is.null(x)) {
    return(NULL)
  }
  # Text may have a class, as paths of fs have.
  values <- if (is.factor(x) || is.character(x)) as.character(x) else x
  if (!is.vector(values) || is.expression(values) || anyNA(values, recursive = TRUE)) {
    abort_argument(name, allowed, x, call)
  }
  lapply(as.list(values), as_python_number)
}

# The handle of an object of `class`, alive.
live_handle <- function(x, name, class, call = rlang::caller_env()) {
  maker <- c(
    cifar_dataset = "a data set made by cifar_load_dataset()",
    cifar_trained_model = "a model made by cifar_train() or cifar_load_model()"
  )
  if (!inherits(x, class)) {
    abort_argument(name, maker[[class]], x, call)
  }
  if (!is_dead(x$handle)) {
    return(x$handle)
  }
  if (is.null(x$kept$file)) {
    abort_dead(name, class, call)
  }
  revived_model(x$kept, call)
}

# A model whose R session has ended, made again from its file, once for all copies of it.
revived_model <- function(kept, call) {
  if (is_dead(kept$handle)) {
    kept$handle <- python_call("model_from_file", kept$file, call = call)
  }
  kept$handle
}

abort_dead <- function(name, class, call) {
  fix <- c(
    cifar_dataset = "Load it again with cifar_load_dataset().",
    cifar_trained_model = "Save it anew in a session in which it works, or load its file.",
    cifar_network = "Build it again with cifar_build_model()."
  )
  abort_pycifar(
    "handle",
    sprintf("`%s` is from an R session that has ended: what it stood for in Python is gone.", name),
    fix = fix[[class]],
    call = call
  )
}

abort_argument <- function(name, allowed, received, call) {
  abort_pycifar(
    "argument",
    sprintf("`%s` must be %s, not %s.", name, allowed, describe(received)),
    call = call
  )
}

# A short description of a value for an error message.
describe <- function(x) {
  if (is.function(x)) {
    return("a function")
  }
  if (is.data.frame(x)) {
    return("a data frame")
  }
  if (is.object(x) && !is.factor(x)) {
    return(sprintf("an object of class %s", class(x)[[1L]]))
  }
  if (!is.null(dim(x))) {
    return(sprintf("%s of shape (%s)", an_array(x), paste(dim(x), collapse = ", ")))
  }
  values <- if (is.factor(x)) as.character(x) else unname(x)
  text <- paste(trimws(deparse(values)), collapse = " ")
  text <- sub("^NA_[a-z]+_$", "NA", text)
  if (nchar(text) > 80L) paste0(substr(text, 1L, 77L), "...") else text
}

an_array <- function(x) {
  if (is.numeric(x)) "an array" else sprintf("a %s array", typeof(x))
}

# R writes 10 for a double: a whole double crosses as the integer that was meant.
as_python_number <- function(x) {
  whole <- is.double(x) && is_single(x) && is.finite(x) && x == trunc(x)
  if (whole && abs(x) <= .Machine$integer.max) as.integer(x) else x
}

# One number, text or truth value, without a class.
is_single <- function(x) {
  is.atomic(x) && !is.object(x) && length(x) == 1L
}

# Stop where the caller was called without arguments that it needs.
check_given <- function(names, call = rlang::caller_env()) {
  for (name in names) {
    if (eval(bquote(missing(.(as.name(name)))), call)) {
      abort_pycifar("argument", sprintf("`%s` must be given.", name), call = call)
    }
  }
}

# Stop where a method of the generic `of` is given arguments that it does not know.
check_no_more <- function(of, ..., call = rlang::caller_env(), method = rlang::caller_fn()) {
  if (...length() == 0L) {
    return(invisible())
  }
  given <- ...names()
  named <- !is.null(given) && nzchar(given[[1L]])
  unknown <- if (named) paste0("`", given[[1L]], "`") else "so many arguments"
  known <- paste0("`", setdiff(names(formals(method)), "..."), "`", collapse = ", ")
  abort_pycifar(
    "argument",
    sprintf("%s() does not take %s; it takes %s.", of, unknown, known),
    call = call
  )
}

# Stop where a function of the caller's cannot be called with so many arguments.
check_takes <- function(f, name, arguments, call) {
  if (!is.function(f) || is.primitive(f) || is_python_object(f)) {
    return(invisible())
  }
  own <- names(formals(f))
  if (!"..." %in% own && length(own) < length(arguments)) {
    abort_pycifar(
      "argument",
      sprintf(
        "`%s` must be a function(%s), not one of %s.",
        name,
        paste(arguments, collapse = ", "),
        if (length(own) == 0L) "no arguments" else paste0("`", own, "` alone", collapse = "")
      ),
      call = call
    )
  }
}
