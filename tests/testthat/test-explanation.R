test_that("an explanation says where the network looked", {
  skip_without_python()
  explanation <- cifar_explain(small_model(), cifar_images(small_dataset(), 1))
  expect_s3_class(explanation, "cifar_explanation")
  expect_identical(dim(explanation$image), c(32L, 32L, 3L))
  expect_identical(explanation$image, cifar_images(small_dataset(), 1)[1, , , ])
  expect_identical(dim(explanation$heatmap), c(32L, 32L))
  expect_true(all(explanation$heatmap >= 0 & explanation$heatmap <= 1))
  expect_identical(explanation$layer, "pool1")
  expect_output(print(explanation), "<cifar_explanation> of .* by layer pool1")
  expect_s3_class(ggplot2::ggplot_build(plot(explanation)), "ggplot_built")
})

test_that("class and layer can be chosen, and an image can be an array", {
  skip_without_python()
  noise <- array(runif(32 * 32 * 3), c(32, 32, 3))
  explanation <- cifar_explain(small_model(), noise, class_name = "dots", layer = "conv1_1")
  expect_identical(explanation$class_name, "dots")
  expect_identical(explanation$layer, "conv1_1")
})

test_that("filters and maps are drawn", {
  skip_without_python()
  image <- cifar_images(small_dataset(), 2)
  expect_s3_class(ggplot2::ggplot_build(cifar_plot_filters(small_model())), "ggplot_built")
  maps <- cifar_plot_feature_maps(small_model(), image, layers = "pool1", n_maps = 3)
  expect_identical(nrow(maps$data), 3L * 16L * 16L)
  expect_s3_class(ggplot2::ggplot_build(maps), "ggplot_built")
})

test_that("the receptive field is a tibble, of a model or of an architecture by name", {
  skip_without_python()
  table <- cifar_receptive_field("cnn2")
  expect_s3_class(table, "tbl_df")
  expect_identical(table$receptive_field[2:4], c(3L, 5L, 6L))
  expect_identical(cifar_receptive_field(small_model()), table)
  expect_identical(cifar_receptive_field(cifar_build_model("cnn2")), table)
})

test_that("images of a data set come as raw bytes", {
  skip_without_python()
  images <- cifar_images(small_dataset(), c(3, 1), split = "train")
  expect_type(images, "raw")
  expect_identical(dim(images), c(2L, 32L, 32L, 3L))
  expect_identical(images[2, , , ], cifar_images(small_dataset(), 1, split = "train")[1, , , ])
  expect_identical(
    predict(small_model(), cifar_images(small_dataset(), 1:100)),
    predict(small_model(), small_dataset())
  )
  labels <- cifar_labels(small_dataset(), 1:100)
  expect_identical(levels(labels), small_dataset()$class_names)
  evaluation <- cifar_evaluate(small_model(), small_dataset())
  expect_equal(mean(predict(small_model(), small_dataset()) == labels), evaluation$accuracy)
  expect_pycifar_error(cifar_images(small_dataset(), 101), "argument", "`which` must be")
  expect_pycifar_error(cifar_images(small_dataset(), 0), "argument", "from 1 to 100, not 0")
})

test_that("what cannot be explained is refused", {
  skip_without_python()
  image <- cifar_images(small_dataset(), 1)
  model <- small_model()
  expect_pycifar_error(cifar_explain(model, image, layer = "pool2"), "unknown_name", "pool1")
  expect_pycifar_error(cifar_explain(model, image, "unicorn"), "unknown_name", "`class_name`")
  expect_pycifar_error(
    cifar_explain(model, cifar_images(small_dataset(), 1:2)),
    "image",
    "one image, not 2"
  )
  expect_pycifar_error(cifar_explain(model, NULL), "argument", "`image` must be")
  expect_pycifar_error(cifar_explain(model, "no.png"), "data")
  expect_pycifar_error(cifar_plot_feature_maps(model, image, n_maps = 0), "argument", "`n_maps`")
  expect_pycifar_error(cifar_receptive_field("cnn3"), "unknown_name", "cnn2")
})

test_that("a picture of any size is explained", {
  picture <- as.raster(matrix(c("white", "black"), 40, 60))
  found <- cifar_explain(small_model(), picture)
  expect_identical(dim(found$image), c(32L, 32L, 3L))
  expect_s3_class(cifar_plot_feature_maps(small_model(), picture, n_maps = 2), "ggplot")
})
