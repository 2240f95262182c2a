test_that("classes are a factor with all levels, one an image, in order", {
  classes <- predict(small_model(), small_dataset())
  expect_s3_class(classes, "factor")
  expect_length(classes, 100L)
  expect_identical(levels(classes), small_dataset()$class_names)
})

test_that("probabilities are a tibble with a column a class, one row an image", {
  probabilities <- predict(small_model(), small_dataset(), type = "prob")
  expect_s3_class(probabilities, "tbl_df")
  expect_identical(names(probabilities), paste0(".pred_", small_dataset()$class_names))
  expect_identical(nrow(probabilities), 100L)
  expect_equal(rowSums(probabilities), rep(1, 100L), tolerance = 1e-5)
  best <- small_dataset()$class_names[max.col(as.matrix(probabilities), "first")]
  expect_identical(as.character(predict(small_model(), small_dataset())), best)
})

test_that("one image gives one row", {
  one <- test_images(1L)[1, , , ]
  expect_length(predict(small_model(), one), 1L)
  expect_identical(dim(predict(small_model(), one, type = "prob")), c(1L, 10L))
})

test_that("integers, doubles 0-255, doubles 0-1 and bytes predict the same", {
  images <- test_images(3L)
  expected <- predict(small_model(), images, type = "prob")
  for (same in list(images + 0, images / 255, array(as.raw(images), dim(images)))) {
    expect_identical(predict(small_model(), same, type = "prob"), expected)
  }
})

test_that("image files of any size are read, in the order of their paths", {
  skip_if_not(capabilities("png"))
  folder <- withr::local_tempdir()
  paths <- file.path(folder, c("b.png", "a.png"))
  for (path in paths) {
    grDevices::png(path, 64, 48)
    graphics::par(mar = rep(0, 4))
    graphics::plot(0, col = basename(path) == "a.png", axes = FALSE)
    grDevices::dev.off()
  }
  both <- predict(small_model(), paths, type = "prob")
  expect_identical(nrow(both), 2L)
  expect_equal(predict(small_model(), paths[[2L]], type = "prob"), both[2L, ], tolerance = 1e-5)
})

test_that("names and classes of what is asked for change nothing", {
  model <- small_model()
  black <- as.raster(matrix("black", 40, 60))
  white <- as.raster(matrix("white", 9, 9))
  expect_identical(
    predict(model, list(a = black, b = white)),
    c(predict(model, black), predict(model, white))
  )
  expect_identical(
    predict(model, small_dataset(), type = factor("class")),
    predict(model, small_dataset())
  )
})

test_that("images may have the names that other packages give them", {
  skip_without_python()
  images <- cifar_images(small_dataset(), 1:3)
  expected <- predict(small_model(), images)
  expect_identical(predict(small_model(), newdata = images), expected)
  expect_identical(predict(small_model(), new_data = images), expected)
  expect_identical(
    predict(small_model(), newdata = images, type = "prob"),
    predict(small_model(), images, type = "prob")
  )
  expect_pycifar_error(predict(small_model()), "argument", "`images` must be given")
  hint <- expect_pycifar_error(predict(small_model(), new_images = images), "unknown_argument")$fix
  expect_identical(hint, "Did you mean `images`?")
  for (call in list(
    quote(predict(small_model())),
    quote(predict(small_model(), data = 1, newdata = 2))
  )) {
    expect_pycifar_error(eval(call), "argument", "called `newdata`, `new_data` or `data` as well.")
  }
  for (type in c("response", "raw")) {
    error <- expect_pycifar_error(predict(small_model(), images, type), "unknown_name", type)
    expect_match(error$fix, "Use \"prob\"")
  }
  expect_pycifar_error(predict(small_model(), images, "probs"), "unknown_name", "Did you mean")
})

test_that("a split of a data set is chosen by name", {
  expect_length(predict(small_model(), small_dataset(), split = "train"), 200L)
  expect_identical(
    predict(small_model(), small_dataset(), split = "test"),
    predict(small_model(), new_data = small_dataset())
  )
  expect_length(predict(small_model(), newdata = small_dataset(), split = "train"), 200L)
  expect_pycifar_error(
    predict(small_model(), test_images(2L), split = "test"),
    "argument",
    "`split` is for a data set alone"
  )
  expect_pycifar_error(predict(small_model(), small_dataset(), split = "dev"), "data", "\"dev\"")
})

test_that("what the training held out is a split", {
  model <- small_model()
  found <- cifar_evaluate(model, small_dataset(), split = "validation")
  final <- model$history$value[model$history$split == "validation"]
  expect_equal(c(found$loss, found$accuracy), final, tolerance = 1e-5)
  classes <- predict(model, small_dataset(), split = "validation")
  truth <- cifar_labels(small_dataset(), split = "validation", model = model)
  expect_identical(mean(classes == truth), found$accuracy)
  images <- cifar_images(small_dataset(), seq_along(truth), split = "validation", model = model)
  expect_identical(predict(model, images), classes)
  expect_pycifar_error(cifar_labels(small_dataset(), split = "validation"), "data", "validation")
  other <- cifar_load_dataset("synthetic", n_train = 100, n_test = 100)
  expect_pycifar_error(
    cifar_evaluate(model, other, split = "validation"),
    "data",
    "other training images"
  )
})

test_that("an image that cannot be read is NA where it is to be skipped", {
  skip_if_not_installed("png")
  folder <- withr::local_tempdir()
  paths <- file.path(folder, c("bad.png", "good.png", "none.png"))
  writeLines("no image", paths[[1L]])
  png::writePNG(test_images(1L)[1, , , ] / 255, paths[[2L]])
  expect_pycifar_error(predict(small_model(), paths), "data_format", "bad.png")
  good <- predict(small_model(), paths[[2L]])
  expect_warning(
    classes <- predict(small_model(), paths, on_error = "skip"),
    "2 of 3 \\(.*bad.png, .*none.png\\)",
    class = "pycifar_warning_skipped"
  )
  expect_identical(classes, factor(c(NA, as.character(good), NA), levels(good)))
  expect_warning(
    classes <- predict(small_model(), c(NA, paths[[2L]], NA), on_error = "skip"),
    "2 of 3 \\(image 1, image 3\\)",
    class = "pycifar_warning_skipped"
  )
  expect_identical(classes, factor(c(NA, as.character(good), NA), levels(good)))
  error <- expect_pycifar_error(predict(small_model(), c(paths[[2L]], NA)), "image", "number 2 is")
  expect_match(error$fix, "\"skip\"", fixed = TRUE)
  expect_warning(
    probabilities <- predict(small_model(), paths, type = "prob", on_error = "skip"),
    class = "pycifar_warning_skipped"
  )
  expect_identical(probabilities[[1L]][c(1L, 3L)], c(NA_real_, NA_real_))
  expect_equal(sum(probabilities[2L, ]), 1, tolerance = 1e-5)
  writeLines("no image", file.path(folder, "notes.txt"))
  expect_warning(
    expect_identical(predict(small_model(), file.path(folder, "[gn]o*")), good),
    "1 \\(.*notes.txt\\)",
    class = "pycifar_warning_skipped"
  )
})
