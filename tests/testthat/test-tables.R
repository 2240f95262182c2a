# A folder of pictures, each of its own grey, and the table of them.
photos <- function(n = 24L, env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  paths <- sprintf("%02d.png", seq_len(n))
  for (i in seq_len(n)) {
    png::writePNG(array(i / 100, c(8L, 8L, 3L)), file.path(folder, paths[[i]]))
  }
  list(folder = folder, table = data.frame(path = paths, label = rep(c("dog", "cat"), n / 2L)))
}

test_that("a data frame is a data set, with its factor's levels as classes", {
  skip_without_python()
  p <- photos()
  dataset <- cifar_load_dataset(p$table, data_dir = p$folder, image_size = 8)
  expect_identical(dataset$class_names, c("cat", "dog"))
  expect_identical(dataset$splits, c(train = 24L))
  expect_identical(as.character(cifar_labels(dataset, 1:2, "train")), c("dog", "cat"))
  p$table$label <- factor(p$table$label, levels = c("emu", "dog", "cat"))
  p$table$split <- rep(c("Train", "val", "test"), each = 8L)
  p$table$further <- I(as.list(1:24))
  dataset <- cifar_load_dataset(tibble::as_tibble(p$table), data_dir = p$folder, image_size = 8)
  expect_identical(dataset$class_names, c("emu", "dog", "cat"))
  expect_identical(dataset$splits, c(train = 8L, validation = 8L, test = 8L))
  p$table$label <- rep(c(10, 2), 12L)
  expect_identical(cifar_load_dataset(p$table, p$folder)$class_names, c("2", "10"))
})

test_that("a CSV file is a data set, with paths relative to it", {
  skip_without_python()
  p <- photos()
  file <- file.path(p$folder, "photos.csv")
  write.csv(p$table, file, row.names = FALSE)
  dataset <- cifar_load_dataset(file, image_size = 8, test_fraction = 0.25, seed = 1)
  expect_identical(dataset$splits, c(train = 18L, test = 6L))
  expect_identical(dataset$name, "photos")
})

test_that("a split of rsample is a training and a test split", {
  skip_without_python()
  p <- photos()
  structured <- function(class, ...) structure(list(data = p$table, ...), class = class)
  splits <- list(
    # as rsample makes them
    structured(c("initial_split", "mc_split", "rsplit"), in_id = 5:24, out_id = NA),
    structured(
      c("initial_validation_split", "three_way_split"),
      train_id = 9:24,
      val_id = 5:8,
      test_id = NA
    )
  )
  if (rlang::is_installed("rsample")) {
    split <- getExportedValue("rsample", "initial_split")
    splits[[1L]] <- withr::with_seed(1, split(p$table, prop = 20 / 24))
  }
  found <- lapply(splits, cifar_load_dataset, data_dir = p$folder, image_size = 8)
  expect_identical(found[[1L]]$splits, c(train = 20L, test = 4L))
  expect_identical(found[[2L]]$splits, c(train = 16L, validation = 4L, test = 4L))
  paths <- unlist(python_call("paths", found[[1L]]$handle, "test"))
  left <- setdiff(1:24, splits[[1L]]$in_id)
  expect_identical(basename(paths), p$table$path[left])
})

test_that("groups stay together, and weights are those of the training", {
  skip_without_python()
  p <- photos()
  p$table$object <- rep(1:6, each = 4L)
  load <- function(...) cifar_load_dataset(p$table, data_dir = p$folder, image_size = 8, ...)
  dataset <- load(groups = "object", test_fraction = 1 / 3)
  numbers <- as.integer(sub(
    "[.]png",
    "",
    basename(unlist(python_call("paths", dataset$handle, "test")))
  ))
  expect_length(numbers, 8L)
  expect_length(unique((numbers - 1L) %/% 4L), 2L)
  expect_identical(load(groups = p$table$object, test_fraction = 1 / 3)$splits, dataset$splits)
  expect_pycifar_error(load(groups = "thing"), "argument", "must have `thing`")
  expect_pycifar_error(load(groups = 1:3), "argument", "each of the 24 images")
  expect_pycifar_error(load(groups = c("a", NA)), "argument", "without missing values")
  weights <- (1:24) / 8
  fingerprint <- function(...) {
    cifar_fingerprint(cifar_train(..., architecture = "softmax", epochs = 1, seed = 1))
  }
  expected <- fingerprint(load(), sample_weight = weights)
  p$table$weight <- weights
  expect_identical(fingerprint(load()), expected)
})

test_that("a table that cannot be used is refused", {
  skip_without_python()
  p <- photos()
  refused <- function(kind, message, ...) {
    table <- p$table
    columns <- list(...)
    table[names(columns)] <- columns
    expect_pycifar_error(cifar_load_dataset(table, data_dir = p$folder), kind, message)
  }
  refused("argument", "the columns `path` and `label`, each once; it has `label`", path = NULL)
  refused("argument", "the columns `path` and `label`, each once; it has `path`", label = NULL)
  listed <- I(as.list(p$table$path))
  refused("argument", "`source$path` must be a column with one value a row", path = listed)
  refused("data", "1 of 24 rows have none (row 1)", path = c(NA, p$table$path[-1L]))
  refused("data", "column `label` must have a value", label = c(NA, p$table$label[-1L]))
  refused("data", "in rows 1 and 2", path = p$table$path[c(1L, 1L, 3:24)])
  refused("data", "`split` must hold train", split = "dev")
  refused("data", "`weight` must hold numbers of at least 0", weight = -1)
  refused("data_format", "no classes that \"train\" has not", split = c("train", "test"))
  expect_pycifar_error(cifar_load_dataset("nowhere.csv"), "data_not_found", "a CSV file of images")
  expect_pycifar_error(cifar_load_dataset(mtcars), "argument", "it has `mpg`, `cyl`")
  expect_warning(
    cifar_load_dataset(
      rbind(p$table, data.frame(path = "x.png", label = "emu")),
      data_dir = p$folder,
      on_error = "skip"
    ),
    class = "pycifar_warning_data"
  ) |>
    expect_warning(class = "pycifar_warning_skipped")
})

test_that("files that cannot be read are all told, or passed over and listed", {
  skip_without_python()
  p <- photos()
  writeLines("no image", file.path(p$folder, "03.png"))
  unlink(file.path(p$folder, "07.png"))
  expect_pycifar_error(
    cifar_load_dataset(p$table, data_dir = p$folder),
    "data_format",
    "2 of 24 files cannot be read"
  )
  expect_warning(
    dataset <- cifar_load_dataset(p$table, data_dir = p$folder, on_error = "skip"),
    "passed over: 2 that cannot be read as images",
    class = "pycifar_warning_skipped"
  )
  expect_identical(dataset$splits, c(train = 22L))
  expect_s3_class(dataset$skipped, "tbl_df")
  expect_identical(basename(dataset$skipped$path), c("03.png", "07.png"))
  expect_match(dataset$skipped$reason, "cannot be read as an image|There is no image file")
  expect_identical(nrow(small_dataset()$skipped), 0L)
})

test_that("a folder has splits of any names, subfolders, and pictures that are told twice", {
  skip_without_python()
  p <- photos()
  place <- function(...) {
    to <- file.path(p$folder, "tree", ...)
    dir.create(dirname(to), recursive = TRUE, showWarnings = FALSE)
    to
  }
  for (i in 1:24) {
    split <- c("Train", "VAL", "test")[[(i - 1L) %/% 8L + 1L]]
    to <- place(split, p$table$label[[i]], if (i %% 3L) "more" else "", p$table$path[[i]])
    file.copy(file.path(p$folder, p$table$path[[i]]), to)
  }
  load <- function(...) {
    cifar_load_dataset("folder", file.path(p$folder, "tree"), image_size = 8, ...)
  }
  expect_identical(load()$splits, c(train = 8L, validation = 8L, test = 8L))
  expect_pycifar_error(load(test_fraction = 0.1), "argument", "`test_fraction` is for data without")
  file.copy(file.path(p$folder, "01.png"), place("test", "dog", "again.png"))
  expect_warning(load(), "1 of \"test\" \\(.*again.png\\)", class = "pycifar_warning_data")
  writeLines("x", place("test", "dog", "notes.txt"))
  unlink(place("test", "dog", "again.png"))
  expect_warning(
    dataset <- load(),
    "1 without the ending of an image file \\(test/dog/notes.txt\\)",
    class = "pycifar_warning_skipped"
  )
  expect_identical(dataset$skipped$reason, "without the ending of an image file")
})

test_that("pictures of magick, rasters and arrays in lists are a data set", {
  skip_without_python()
  skip_if_not_installed("magick")
  blanks <- lapply(c("red", "green", "blue", "white"), magick::image_blank, width = 9, height = 6)
  dataset <- cifar_load_dataset(list(train = list(blanks, c("a", "b", "a", "b"))))
  expect_identical(dataset$image_shape, c(6L, 9L, 3L))
  expect_identical(as.integer(cifar_images(dataset, 1, "train")[1, 1, 1, ]), c(255L, 0L, 0L))
  joined <- do.call(c, blanks)
  same <- cifar_load_dataset(list(train = list(joined, c("a", "b", "a", "b"))))
  expect_identical(cifar_images(same, 1:4, "train"), cifar_images(dataset, 1:4, "train"))
  mixed <- list(blanks[[1L]], as.raster(matrix(0:1, 4L, 5L)), array(0.5, c(7L, 8L, 3L)))
  load <- function(...) cifar_load_dataset(list(train = list(mixed, c("a", "b", "a"))), ...)
  expect_pycifar_error(load(), "image", "`image_size` must be given")
  expect_identical(load(image_size = 10)$image_shape, c(10L, 10L, 3L))
})

test_that("a dataset of TensorFlow is a data set", {
  skip_without_python()
  tf <- reticulate::import("tensorflow", convert = FALSE)
  images <- reticulate::np_array(test_images(6L), dtype = "uint8")
  labels <- reticulate::np_array(rep(0:1, 3L), dtype = "int64")
  data <- tf$data$Dataset$from_tensor_slices(reticulate::tuple(images, labels))$batch(4L)
  expect_identical(cifar_load_dataset(data, class_names = c("a", "b"))$splits, c(train = 6L))
})
