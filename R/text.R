# Text between R, Python and the disk. Names on disk are UTF-8, whatever the locale. In a locale
# that is not UTF-8, as "C" in a cron job, R takes their bytes for native text, which it cannot
# translate.

# Return a value whose text is marked as UTF-8, also in lists and in names. A list whose names are
# not ASCII becomes a dict: reticulate would translate these names to the locale.
as_utf8 <- function(x) {
  if (l10n_info()[["UTF-8"]] || is.object(x)) {
    return(x)
  }
  if (is.character(x)) {
    return(marked_as_utf8(x))
  }
  if (!is.list(x)) {
    return(x)
  }
  x[] <- lapply(x, as_utf8)
  if (is.null(names(x)) || all(is_ascii(names(x)))) {
    return(x)
  }
  reticulate::py_dict(as.list(marked_as_utf8(names(x))), unname(x))
}

# Mark native text as UTF-8 where its bytes are that.
marked_as_utf8 <- function(x) {
  native <- Encoding(x) == "unknown" & validUTF8(x)
  Encoding(x)[native] <- "UTF-8"
  x
}

# Return paths in the bytes that the disk has, as list.files() returns them, so that R's own
# functions find the files.
on_disk <- function(paths) {
  if (!is.character(paths)) {
    return(paths) # no file
  }
  bytes <- enc2utf8(marked_as_utf8(paths))
  Encoding(bytes) <- "unknown"
  bytes
}

# Return paths that mean the same in another folder.
whole_path <- function(path, must_work = NA) {
  marked_as_utf8(normalizePath(on_disk(path), mustWork = must_work))
}

is_ascii <- function(x) {
  !grepl("[^ -~]", enc2utf8(x), useBytes = TRUE)
}
