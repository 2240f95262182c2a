# Convert arguments for Python. Python checks whether a value is allowed. The functions here check
# only what R has and Python does not: missing values, vectors where one value is expected, and R's
# own classes.

# Return one value without its class, or NULL. `allowed` completes the error message "must be …",
# such as "a number".
one_value <- function(x, name, allowed, call = rlang::caller_env()) {
  if (is.null(x)) {
    return(NULL)
  }
  # Only factors and text lose their class. Paths of the package fs are text with a class, but a
  # date must not become a number.
  plain <- if (is.factor(x) || is.character(x)) as.character(x) else x
  if (!is_single(plain) || is.na(plain)) {
    abort_argument(name, allowed, x, call)
  }
  as_python_number(as.vector(plain))
}

# Return values as an unnamed list, or NULL. A list stays a list in Python even if it has one
# element.
several_values <- function(x, name, allowed, call = rlang::caller_env()) {
  unname(listed_values(x, name, allowed, call))
}

# Return values as a list with their names, if they have any, or NULL. reticulate converts a named
# list to a dict, whose values all have a name.
named_values <- function(x, name, allowed, call = rlang::caller_env()) {
  values <- listed_values(x, name, allowed, call)
  check_names_differ(values, name, call)
  nameless <- which(!nzchar(names(values)))
  if (length(nameless) > 0L) {
    abort_pycifar(
      "argument",
      sprintf(
        "`%s` must have a name for each value, or for none; value %d has none.",
        name,
        nameless[[1L]]
      ),
      call = call
    )
  }
  values
}

# Check that no name occurs twice. A dict would silently keep only the last of the values.
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

# Return values as a list, with names if they have any, or NULL.
listed_values <- function(x, name, allowed, call) {
  if (is.null(x)) {
    return(NULL)
  }
  # Text may have a class, such as paths of the package fs.
  values <- if (is.factor(x) || is.character(x)) as.character(x) else x
  if (!is.vector(values) || is.expression(values) || anyNA(values, recursive = TRUE)) {
    abort_argument(name, allowed, x, call)
  }
  lapply(as.list(values), as_python_number)
}

# Return a handle that works in this R session. `x` must be of `class`. A trained model from an
# earlier session is restored from its file, and a data set is loaded again.
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
  kept <- kept_with(x)
  if (!is.null(kept$file)) {
    return(revive(x$handle, python_call("model_from_file", kept$file, call = call)))
  }
  if (!is.null(kept$arguments)) {
    return(revive(x$handle, reloaded_dataset(kept, name, call)))
  }
  abort_dead(name, class, call)
}

# Return the environment with what restores an object in another session. Objects of an older
# version have none.
kept_with <- function(x) {
  unclass(x)[["kept"]]
}

# Load a data set again, and check that its images are the same. What was odd about them has been
# told.
reloaded_dataset <- function(kept, name, call) {
  handle <- withCallingHandlers(
    load_in_python(kept$arguments, call),
    pycifar_warning_skipped = rlang::cnd_muffle,
    pycifar_warning_data = rlang::cnd_muffle
  )
  for (step in kept$steps) {
    handle <- rlang::inject(python_call(step[[1L]], handle, !!!step[-1L], call = call))
  }
  if (!identical(python_call("describe_dataset", handle, call = call)$content, kept$content)) {
    abort_pycifar(
      "handle",
      sprintf(
        "`%s` is from another R session. Loaded again, its images or classes are others.",
        name
      ),
      fix = "Load what is there now with cifar_load_dataset().",
      call = call
    )
  }
  handle
}

# Signal that the R session of an object has ended.
abort_dead <- function(name, class, call) {
  fix <- c(
    cifar_dataset = "Load it again with cifar_load_dataset(); only arrays cannot load themselves.",
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

# Signal that an argument has a wrong type or value.
abort_argument <- function(name, allowed, received, call, fix = NULL) {
  abort_pycifar(
    "argument",
    sprintf("`%s` must be %s, not %s.", name, allowed, describe(received)),
    fix = fix,
    call = call
  )
}

# Describe a value for an error message, in about 80 characters at most. Long vectors and large
# lists are told by their length, because writing them out takes minutes.
describe <- function(x) {
  if (is.function(x) || is.object(x) && !is.factor(x)) {
    return(an_object(x))
  }
  if (!is.null(dim(x))) {
    return(sprintf("%s of shape (%s)", an_array(x), paste(dim(x), collapse = ", ")))
  }
  if (is_long(x)) {
    return(sprintf("%s of length %s", a_vector(x), with_commas(length(x))))
  }
  values <- if (is.factor(x)) as.character(x) else unname(x)
  text <- paste(trimws(deparse(values)), collapse = " ")
  text <- sub("^NA_[a-z]+_$", "NA", text)
  if (nchar(text) <= 80L) {
    return(text)
  }
  end <- if (endsWith(text, "\"")) "...\"" else "..."
  paste0(substr(text, 1L, 80L - nchar(end)), end)
}

is_long <- function(x) {
  is.atomic(x) && length(x) > 10L || is.list(x) && utils::object.size(x) > 2000
}

an_object <- function(x) {
  if (is.function(x) && !is_python_object(x)) {
    return("a function")
  }
  if (is.data.frame(x)) "a data frame" else sprintf("an object of class %s", class(x)[[1L]])
}

a_vector <- function(x) {
  if (is.numeric(x)) {
    return("a numeric vector")
  }
  if (is.factor(x)) {
    return("a factor")
  }
  if (is.list(x)) "a list" else sprintf("a %s vector", typeof(x))
}

an_array <- function(x) {
  if (is.numeric(x)) "an array" else sprintf("a %s array", typeof(x))
}

# Return names in one line: of many, the first ones and their number.
listing <- function(names, most = 20L) {
  more <- if (length(names) > most) sprintf(", ... (%s in all)", with_commas(length(names))) else ""
  paste0(paste(utils::head(names, most), collapse = ", "), more)
}

# Convert a whole double to an integer. In R, 10 is a double, but Python needs an integer.
as_python_number <- function(x) {
  whole <- is.double(x) && is_single(x) && is.finite(x) && x == trunc(x)
  if (whole && abs(x) <= .Machine$integer.max) as.integer(x) else x
}

# Write whole numbers, with a comma between thousands. The option `OutDec` makes no difference.
with_commas <- function(n) {
  format(n, big.mark = ",", decimal.mark = ".", trim = TRUE)
}

# Check whether a value is a single number, text or logical without a class.
is_single <- function(x) {
  is.atomic(x) && !is.object(x) && length(x) == 1L
}

# Check that the calling function was called with the arguments `names`.
check_given <- function(names, call = rlang::caller_env()) {
  for (name in names) {
    if (eval(bquote(missing(.(as.name(name)))), call)) {
      abort_pycifar("argument", sprintf("`%s` must be given.", name), call = call)
    }
  }
}

# Check that `...` is empty. `of` is the name of the generic whose method received the arguments.
check_no_more <- function(of, ..., call = rlang::caller_env(), method = rlang::caller_fn()) {
  if (...length() == 0L) {
    return(invisible())
  }
  given <- ...names()
  named <- !is.null(given) && nzchar(given[[1L]])
  unknown <- if (named) paste0("`", given[[1L]], "`") else "so many arguments"
  known <- setdiff(names(formals(method)), "...")
  listing <- if (length(known) == 0L) "none" else paste0("`", known, "`", collapse = ", ")
  abort_pycifar(
    c("unknown_argument", "argument"),
    sprintf("%s() does not take %s; it takes %s.", of, unknown, listing),
    fix = if (named) argument_hint(given[[1L]], known),
    call = call
  )
}

# Return a sentence that helps whoever gave an argument that is not known, or NULL. Python has the
# names that arguments have in other packages.
argument_hint <- function(given, known) {
  if (python_ready()) python_call("argument_hint", given, as.list(known))
}

# Check that a user's function can be called with as many arguments as `arguments` has names.
# Primitive functions and Python objects are not checked.
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
