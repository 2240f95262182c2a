test_that("a data set tells what it is, and its images stay in Python", {
  dataset <- small_dataset()
  expect_s3_class(dataset, "cifar_dataset")
  expect_identical(dataset$splits, c(train = 200L, test = 100L))
  expect_identical(dataset$image_shape, c(32L, 32L, 3L))
  expect_length(dataset$class_names, 10L)
  expect_lt(as.numeric(object.size(dataset)), 1e5)
})

test_that("the same seed draws the same images, another seed others", {
  skip_without_python()
  fingerprint <- function(seed) {
    dataset <- cifar_load_dataset("synthetic", n_train = 50, n_test = 10, seed = seed)
    cifar_train(dataset, "mlp_relu", epochs = 1, seed = 1, verbose = 0)$data$fingerprint
  }
  expect_identical(fingerprint(3), fingerprint(3))
  expect_false(identical(fingerprint(3), fingerprint(4)))
})

test_that("arrays with labels by name are a data set, in the order of the levels", {
  skip_without_python()
  labels <- factor(c("dog", "cat", "dog"), levels = c("dog", "cat", "cow"))
  dataset <- cifar_load_dataset(list(
    train = list(test_images(3L), labels),
    test = list(labels = c("cat", "dog"), images = test_images(2L) / 255)
  ))
  expect_identical(dataset$class_names, c("dog", "cat", "cow"))
  expect_identical(dataset$splits, c(train = 3L, test = 2L))
  counts <- summary(dataset)$splits
  expect_identical(counts$n, c(2L, 1L, 0L, 1L, 1L, 0L))
  named <- cifar_load_dataset(
    list(train = list(test_images(2L), c("b", "a"))),
    class_names = c("b", "a")
  )
  expect_identical(named$class_names, c("b", "a"))
})

test_that("pixels keep their places on the way to Python and back", {
  skip_without_python()
  images <- test_images(2L)
  dataset <- cifar_load_dataset(list(train = list(images, c("a", "b"))))
  block <- python_call("sample_images", dataset$handle, "train", 1L, 1L)
  returned <- array_from_bytes(block)
  expect_identical(as.integer(returned[, 1, , , ]), as.vector(images))
})

test_that("arrays that are no data set are refused", {
  skip_without_python()
  images <- test_images(2L)
  refused <- function(source, kind, message) {
    expect_pycifar_error(cifar_load_dataset(source), kind, message)
  }
  refused(list(), "argument", "list(train = list(images, labels)")
  refused(list(list(images, c("a", "b"))), "argument", "list(train = list(images, labels)")
  refused(list(train = images), "argument", "list(train = list(images, labels)")
  refused(
    list(train = list(x = images, y = c("a", "b"))),
    "argument",
    "`source$train` must have `images` and `labels`; it has `x`, `y`."
  )
  refused(list(train = list(images[0L, , , ], integer())), "image", "at least one image")
  refused(NA, "argument", "not NA.")
  refused(list(train = list(images, c(0.5, 1))), "argument", "`source$train$labels` must be a fac")
  refused(list(train = list(images, diag(2))), "argument", "factor(max.col(labels))")
  refused(list(train = list(images, c("a", NA))), "argument", "without missing values")
  refused(list(train = list(images, "a")), "data", "one label an image")
  refused(list(train = list("a.png", "a")), "argument", "`images` must be an array")
  refused(list(train = list(images / 100, c("a", "b"))), "image", "fractions with values up to")
  refused(list(train = list(images[,,, 1:2], c("a", "b"))), "image", "(2, 32, 32, 2)")
})

test_that("numbers and logical values are class names, in their order", {
  skip_without_python()
  classes <- function(labels, ...) {
    dataset <- cifar_load_dataset(list(train = list(test_images(12L), labels)), ...)
    list(dataset$class_names, as.character(cifar_labels(dataset, split = "train")))
  }
  counted <- as.character(1:12)
  expect_identical(classes(12:1), list(counted, rev(counted)))
  expect_identical(classes(matrix(12:1 - 1)), list(as.character(0:11), as.character(11:0)))
  expect_identical(classes(rep(c(2e5, 0), 6L))[[1L]], c("0", "200000"))
  expect_identical(classes(rep(c(TRUE, FALSE), 6L))[[1L]], c("FALSE", "TRUE"))
  expect_identical(classes(1:12, class_names = rev(counted)), list(rev(counted), counted))
  error <- expect_pycifar_error(
    classes(0:11, class_names = letters[1:12]),
    "data",
    "Numbers as labels are class names, and \"0\" is not in `class_names`."
  )
  expect_match(error$fix, "factor(labels, levels = 0:11, labels = class_names)", fixed = TRUE)
})

test_that("grey images and lists of images are a data set", {
  skip_without_python()
  grey <- test_images(2L)[,,, 1]
  colours <- array(grey, c(2L, 32L, 32L, 3L))
  matrices <- lapply(1:2, function(i) grey[i, , ])
  for (images in list(grey, array(grey, c(2L, 32L, 32L, 1L)), matrices)) {
    dataset <- cifar_load_dataset(list(train = list(images, c("a", "b"))))
    found <- cifar_images(dataset, 1:2, split = "train")
    expect_identical(as.integer(found), as.vector(colours))
  }
})

test_that("the summary counts each class, and prints so", {
  found <- summary(small_dataset())
  expect_identical(found$splits$n, rep(c(20L, 10L), each = 10L))
  expect_identical(levels(found$splits$class), small_dataset()$class_names)
  expect_identical(nrow(found$batches), 0L)
  expect_identical(found$channels$channel, c("red", "green", "blue"))
  expect_snapshot(print(structure(
    list(
      splits = tibble::tibble(
        split = c("train", "train", "test", "test"),
        class = factor(c("cat", "dog", "cat", "dog"), c("cat", "dog")),
        n = c(6L, 6L, 2L, 1L)
      ),
      batches = tibble::tibble(
        batch = c("data_batch_1", "data_batch_1"),
        split = "train",
        class = factor(c("cat", "dog"), c("cat", "dog")),
        n = c(6L, 6L)
      ),
      channels = tibble::tibble(
        channel = c("red", "green", "blue"),
        mean = c(125, 122.5, 113.25),
        standard_deviation = c(62, 61, 66.5)
      )
    ),
    class = "summary_cifar_dataset"
  )))
})

test_that("a data set prints what it is", {
  expect_snapshot(print(invented_dataset()))
  expect_snapshot(print(invented_dataset(paste0("class", 1:40))))
})

test_that("shapes are told in letters of the locale", {
  expect_identical(describe_shape(c(32L, 48L, 3L)), "32\u00d748\u00d73")
  withr::local_locale(LC_CTYPE = "C")
  expect_identical(describe_shape(c(32L, 48L, 3L)), "32x48x3")
})

test_that("a data set tells its classes, and each image with its class", {
  skip_without_python()
  dataset <- small_dataset()
  expect_identical(levels(dataset), dataset$class_names)
  table <- tibble::as_tibble(dataset)
  expect_identical(names(table), c("split", "index", "class"))
  expect_identical(c(table(table$split)[names(dataset$splits)]), dataset$splits)
  test <- table[table$split == "test", ]
  expect_identical(test$class, cifar_labels(dataset))
  expect_identical(test$class[c(2L, 5L)], cifar_labels(dataset, c(2, 5)))
  expect_identical(as.data.frame(dataset), as.data.frame(table))
})

test_that("a data set is as long as its images are many, and shows a table of them", {
  skip_without_python()
  dataset <- small_dataset()
  table <- tibble::as_tibble(dataset)
  expect_length(dataset, 300L)
  expect_identical(dim(dataset), dim(table))
  expect_identical(head(dataset, 3), table[1:3, ])
  expect_identical(tail(dataset), table[295:300, ])
  expect_identical(lapply(dataset, class)$splits, "integer")
  expect_identical(dataset[["name"]], "synthetic")
})

test_that("an unknown element is an error that says where the images are", {
  dataset <- invented_dataset()
  error <- expect_pycifar_error(
    dataset$test,
    "unknown_name",
    "has no element \"test\"; it has `name`"
  )
  expect_match(error$fix, "cifar_images(dataset, 1:10, split = \"test\")", fixed = TRUE)
  expect_pycifar_error(dataset$nam, "unknown_name")
  expect_pycifar_error(dataset[["images"]], "unknown_name")
  expect_pycifar_error(dataset[[9]], "unknown_name")
  expect_pycifar_error(dataset[c("name", "source")], "argument", "cannot be indexed")
  expect_pycifar_error(dataset[1:10], "argument", "cannot be indexed")
})

test_that("data sets and models cannot be changed", {
  dataset <- invented_dataset()
  model <- invented_model()
  refused <- function(code) expect_pycifar_error(code, "argument", "cannot be changed")
  refused(dataset$class_names[[1L]] <- "wolf")
  refused(dataset[["name"]] <- "x")
  refused(dataset[1L] <- 2)
  refused(levels(dataset) <- c("x", "y"))
  refused(names(model)[[1L]] <- "x")
  refused(levels(model) <- c("x", "y"))
  refused(names(dataset)[[1L]] <- "x")
  refused(model$class_names[[1L]] <- "wolf")
  refused(model[["config"]] <- list())
  refused(model["config"] <- list())
  expect_identical(list(dataset, model), list(invented_dataset(), invented_model()))
})

test_that("data sets, models and evaluations take one line in str()", {
  for (object in list(invented_dataset(), invented_model(), invented_evaluation())) {
    expect_identical(capture.output(str(object)), paste0(" ", format(object)))
    expect_length(capture.output(str(list(object))), 2L)
  }
  expect_snapshot(cat(format(invented_dataset()), format(invented_evaluation()), sep = "\n"))
})

test_that("a data set of another session loads itself again, with the same images", {
  skip_without_python()
  folder <- withr::local_tempdir()
  dir.create(file.path(folder, "cat"))
  skip_if_not_installed("png")
  draw <- function(seed) {
    pixels <- withr::with_seed(seed, array(stats::runif(192L), c(8L, 8L, 3L)))
    png::writePNG(pixels, file.path(folder, "cat", "1.png"))
    png::writePNG(1 - pixels, file.path(folder, "cat", "2.png"))
  }
  draw(1)
  drawn <- cifar_load_dataset("synthetic", n_train = 30, n_test = 10, seed = NULL)
  read <- withr::with_dir(folder, cifar_load_dataset("folder", "."))
  for (dataset in list(drawn, read)) {
    again <- dead_copy(dataset)
    expect_output(print(again), "state:   from another R session; at its first use", fixed = TRUE)
    expect_identical(
      cifar_images(again, 1, split = "train"),
      cifar_images(dataset, 1, split = "train")
    )
    expect_false(any(grepl("state:", capture.output(print(again)))))
    expect_identical(live_handle(again, "x", "cifar_dataset"), again$handle)
  }
  other <- dead_copy(read)
  draw(2)
  expect_pycifar_error(head(other), "handle", "its images or classes are others")
})

test_that("a data set in another process prints without Python, and works there", {
  skip_without_python()
  path <- withr::local_tempfile(fileext = ".rds")
  saveRDS(small_dataset(), path)
  out <- run_in_new_session(c(
    "library(pycifar)",
    sprintf("dataset <- readRDS(%s)", encodeString(path, quote = "\"")),
    "print(dataset)",
    "cat('reticulate' %in% loadedNamespaces(), '\\n')",
    "cat(as.character(head(dataset, 3)$class))"
  ))
  expect_match(out[[length(out) - 2L]], "^state: +from another R session")
  expect_identical(out[[length(out) - 1L]], "FALSE ")
  expect_identical(
    out[[length(out)]],
    paste(head(small_dataset(), 3)$class, collapse = " ")
  )
})

test_that("a data set of arrays says that it is lost with its session", {
  skip_without_python()
  dataset <- cifar_load_dataset(list(train = list(test_images(2L), c("a", "b"))))
  lost <- dead_copy(dataset)
  expect_output(print(lost), "state:   lost with the R session in which it was made", fixed = TRUE)
  expect_pycifar_error(head(lost), "handle", "from an R session that has ended")
})

test_that("folders that systems add are no classes, and are named once", {
  skip_if_not_installed("png")
  folder <- withr::local_tempdir()
  for (class in c("cat", "dog", "@eaDir", ".cache", "cat/@eaDir")) {
    dir.create(file.path(folder, class))
    png::writePNG(array(0.5, c(9, 9, 3)), file.path(folder, class, "a.png"))
    png::writePNG(array(0.5, c(9, 9, 3)), file.path(folder, class, "b.png"))
  }
  expect_warning(
    dataset <- cifar_load_dataset("folder", data_dir = folder),
    "3 hidden, or added by a system \\(\\.cache, @eaDir, cat/@eaDir\\)",
    class = "pycifar_warning_skipped"
  )
  expect_identical(levels(dataset), c("cat", "dog"))
})

test_that("images are resized by a rule, to sides of two lengths, and the model keeps it", {
  skip_if_not_installed("png")
  folder <- wide_photographs()
  rule <- list(how = "crop", filter = "bilinear")
  load <- function(resize, image_size = c(24, 16)) {
    cifar_load_dataset("folder", folder, image_size = image_size, resize = resize)
  }
  dataset <- load(rule)
  expect_identical(dataset$image_shape, c(24L, 16L, 3L))
  expect_identical(dataset$resize, rule)
  expect_output(print(dataset), "resized: crop, bilinear", fixed = TRUE)
  cropped <- cifar_images(dataset, 1, "train")
  expect_lt(mean(as.integer(cropped)), 30)
  expect_gt(mean(as.integer(cifar_images(load("squash"), 1, "train"))), 100)
  expect_identical(unique(as.integer(cifar_images(load("pad"), 1, "train")[1, 1, , ])), 0L)
  expect_identical(load("pad", 24)$image_shape, c(24L, 24L, 3L))

  model <- cifar_train(dataset, "softmax", epochs = 1, seed = 1, verbose = 0)
  expect_identical(model$resize, rule)
  expect_output(print(model), "resized: crop, bilinear", fixed = TRUE)
  paths <- data.frame(path = sort(Sys.glob(file.path(folder, "train", "*", "*.png"))))
  expected <- predict(model, dataset, type = "prob", split = "train")
  expect_identical(predict(model, paths, type = "prob"), expected)
  augmented <- generics::augment(model, paths)
  expect_identical(augmented$.pred_dark, expected$.pred_dark)
  path <- withr::local_tempfile(fileext = ".keras")
  cifar_save_model(model, path)
  expect_identical(cifar_load_model(path)$resize, rule)
  expect_identical(cifar_inspect_model(path)$resize, rule)
  expect_match(format(cifar_inspect_model(path)), "^resize: +crop, bilinear", all = FALSE)
  expect_warning(
    cifar_evaluate(model, load("pad"), split = "train"),
    "resized by \"pad, bilinear\", and the model learned",
    class = "pycifar_warning_resize"
  )
})

test_that("a rule or a size that there is not is refused", {
  refused <- function(message, ...) {
    expect_pycifar_error(cifar_load_dataset("folder", tempdir(), ...), "argument", message)
  }
  refused("`resize` must be one of", resize = "stretch")
  refused("In `resize`, `filter` must be one of", resize = list(filter = "sharp"))
  refused("`resize` must be \"squash\"", resize = NA)
  refused("must be one number, or height and width", image_size = c(1, 2, 3))
  refused("must be a single number, or height and width", image_size = c(1, NA))
  expect_pycifar_error(cifar_load_dataset("synthetic", resize = "pad"), "argument", "`resize` is f")
})
