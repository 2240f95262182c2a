# The picture as it would be drawn: one data frame a layer.
layers_of <- function(plot) {
  expect_s3_class(plot, "ggplot")
  ggplot2::ggplot_build(plot)$data
}

test_that("the history is drawn as accuracy and loss, by split, with a point an epoch", {
  layers <- layers_of(plot(invented_model()))
  expect_length(layers, 2L)
  expect_identical(nrow(layers[[2L]]), 12L)
  expect_identical(levels(layers[[2L]]$PANEL), c("1", "2"))
  expect_setequal(layers[[2L]]$colour, c(blue, vermilion))
})

test_that("a history of one epoch, one without validation and a long one can be drawn", {
  history <- invented_model()$history
  expect_silent(first <- layers_of(plot(invented_model(history = history[1:4, ]))))
  expect_length(first, 1L)
  training <- history[history$split == "train", ]
  expect_setequal(layers_of(plot(invented_model(history = training)))[[1L]]$colour, blue)
  long <- tibble::tibble(epoch = 1:50, split = "train", metric = "loss", value = 1 / 1:50)
  expect_length(layers_of(plot(invented_model(history = long))), 1L)
})

test_that("a history without an epoch is an error", {
  empty <- invented_model(history = invented_model()$history[0L, ])
  expect_pycifar_error(plot(empty), "argument", "no epoch was finished")
})

test_that("epochs are marked by whole numbers", {
  expect_identical(whole_breaks(c(1, 2)), c(1, 2))
  expect_identical(whole_breaks(c(1, 10)), c(0, 2, 4, 6, 8, 10))
})

test_that("the mosaic has each pixel in its place, rows of classes from the top", {
  images <- array(as.raw(0L), c(2, 3, 4, 5, 3))
  images[2, 3, 1, 5, 1] <- as.raw(255L) # second class, third image, first row, last column: red
  mosaic <- as_mosaic(images, c(4L, 5L) + gap)
  expect_identical(dim(mosaic), c(14L, 24L))
  expect_identical(mosaic[1, 1], "#000000")
  expect_identical(mosaic[8, 21], "#FF0000")
  expect_identical(mosaic[5, 1], "#FFFFFF")
  expect_identical(sum(mosaic == "#FF0000"), 1L)
})

test_that("samples are drawn with one class a row", {
  picture <- plot(small_dataset(), n_per_class = 4)
  layers_of(picture)
  expect_identical(picture$labels$title, "synthetic, split train")
  changed <- plot(small_dataset(), n_per_class = 4, augmentation = list(crop = 0.5, colour = TRUE))
  raster <- function(plot) as.vector(plot$layers[[1L]]$geom_params$raster)
  expect_length(raster(changed), length(raster(picture)))
  expect_gt(mean(raster(changed) != raster(picture)), 0.5)
  expect_pycifar_error(plot(small_dataset(), augmentation = "crp"), "unknown_name", "\"crop\"")
  expect_pycifar_error(plot(small_dataset(), split = "holdout"), "data", "no split \"holdout\"")
})

test_that("the confusion matrix shows each count, coloured by its share of the true class", {
  layers <- layers_of(plot(invented_evaluation()))
  expect_identical(layers[[2L]]$label, c(1000L, 0L, 45L, 15L))
  expect_identical(layers[[1L]]$fill[[1L]], "#08306B")
  expect_identical(layers[[2L]]$colour, c("white", "#999999", "white", "black"))
})

test_that("a class of few images, or of none, has a shorter row of samples", {
  skip_without_python()
  labels <- factor(c("cat", "cat", "dog"), levels = c("cat", "dog", "cow"))
  dataset <- cifar_load_dataset(list(train = list(test_images(3L), labels)))
  mosaic <- layers_of(plot(dataset))
  expect_length(mosaic, 1L)
})

test_that("plots have a white ground", {
  for (plot in list(plot(invented_model()), plot(invented_evaluation()))) {
    expect_identical(plot$theme$plot.background$fill, "white")
  }
})

test_that("another scale of colours leaves one legend", {
  skip_without_python()
  committed <- system.file("extdata", "reproduction.json", package = "pycifar")
  plots <- list(plot(invented_model()), plot(cifar_load_reproduction(committed)))
  for (plot in plots) {
    other <- suppressMessages(plot + ggplot2::scale_colour_brewer(palette = "Set1"))
    built <- ggplot2::ggplot_build(other)
    labels <- function(name) built$plot$scales$get_scales(name)$get_labels()
    expect_identical(labels("linetype"), labels("colour"))
    expect_identical(built$plot$labels$linetype, built$plot$labels$colour)
  }
})
