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
  refused(mtcars, "argument", "list(train = list(images, labels)")
  refused(NA, "argument", "not NA.")
  refused(list(train = list(images, 1:2)), "argument", "`source$train$labels` must be a factor")
  refused(list(train = list(images, c("a", NA))), "argument", "without missing values")
  refused(list(train = list(images, "a")), "data", "one label an image")
  refused(list(train = list("a.png", "a")), "argument", "`images` must be an array")
  refused(list(train = list(images / 100, c("a", "b"))), "image", "fractions with values up to")
  refused(list(train = list(images[,,, 1:2], c("a", "b"))), "image", "(2, 32, 32, 2)")
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

test_that("folders that systems add are no classes, and are named once", {
  skip_if_not_installed("png")
  folder <- withr::local_tempdir()
  for (class in c("cat", "dog", "@eaDir", ".cache", "cat/@eaDir")) {
    dir.create(file.path(folder, class))
    png::writePNG(array(0.5, c(9, 9, 3)), file.path(folder, class, "a.png"))
  }
  expect_warning(
    dataset <- cifar_load_dataset("folder", data_dir = folder),
    "passed over: \\.cache, @eaDir\\.",
    class = "pycifar_warning_skipped"
  )
  expect_identical(levels(dataset), c("cat", "dog"))
})
