# Draw the pictures of the project's README and of benchmarks/README.md from the committed results:
#     Rscript benchmarks/figures.R
# Images of CIFAR-10 are not drawn: they are not ours to publish.

library(pycifar)

result <- function(name) jsonlite::fromJSON(sprintf("benchmarks/results/%s.json", name))

measured <- function() {
  found <- result("doors_10_epochs")$history
  data.frame(found, who = "measured")
}

stated <- function() {
  wide <- read.csv("benchmarks/stated_cnn2.csv")
  long <- data.frame(
    epoch = wide$epoch,
    split = rep(c("train", "validation"), each = nrow(wide)),
    metric = "accuracy",
    value = c(wide$accuracy, wide$val_accuracy)
  )
  data.frame(long, who = "stated")
}

look <- function() {
  title <- ggplot2::element_text(face = "bold", size = 11)
  list(
    ggplot2::theme_minimal(base_size = 11),
    ggplot2::theme(
      legend.position = "bottom",
      plot.title = title,
      plot.title.position = "plot",
      panel.grid.minor = ggplot2::element_blank()
    )
  )
}

# What cnn2 reached after each epoch, measured (lines) and stated (points).
accuracy <- function() {
  values <- rbind(measured(), stated())
  values <- values[values$metric == "accuracy", ]
  values$split <- factor(values$split, labels = c("training", "test"))
  is_stated <- values$who == "stated"
  ggplot2::ggplot(values, ggplot2::aes(.data$epoch, .data$value, colour = .data$split)) +
    ggplot2::geom_line(data = values[!is_stated, ], ggplot2::aes(linetype = "measured")) +
    ggplot2::geom_point(data = values[is_stated, ], ggplot2::aes(shape = "stated"), size = 2) +
    ggplot2::scale_colour_manual(values = c(training = "#0072B2", test = "#D55E00")) +
    ggplot2::scale_x_continuous(breaks = seq(2, 10, 2)) +
    ggplot2::labs(
      title = "cnn2 on CIFAR-10, seed 1",
      x = "Epoch",
      y = "Accuracy",
      colour = NULL,
      linetype = NULL,
      shape = NULL
    ) +
    look()
}

# The accuracy on the test images against the seconds of training.
accuracy_by_seconds <- function() {
  found <- result("budget")
  keras <- do.call(
    rbind,
    Map(
      function(curve, name) {
        data.frame(
          seconds = curve$seconds,
          accuracy = curve$test_accuracy,
          who = sprintf("plain Keras, %s", name)
        )
      },
      found$keras,
      names(found$keras)
    )
  )
  both_views <- function(runs, who) {
    views <- c(runs$test_accuracy, runs$test_accuracy_six_views)
    n <- length(runs$seconds)
    data.frame(
      seconds = rep(runs$seconds, 2),
      accuracy = views,
      who = rep(paste0(who, c("", ", six views")), each = n)
    )
  }
  peers <- both_views(found$ancestor, "PyTorch, Jordan 2024 for 8 epochs")
  values <- rbind(both_views(found$fastnet, "pycifar, fastnet"), peers, keras)
  values$who <- factor(values$who, unique(values$who))
  colours <- c("#D55E00", "#D55E00", "#0072B2", "#0072B2", "#009E73", "#999999")
  ggplot2::ggplot(
    values,
    ggplot2::aes(
      .data$seconds,
      .data$accuracy,
      colour = .data$who,
      shape = .data$who,
      linetype = .data$who
    )
  ) +
    ggplot2::geom_line() +
    ggplot2::geom_point(size = 2) +
    ggplot2::scale_x_log10(breaks = c(30, 60, 120, 300, 600, 1200)) +
    ggplot2::scale_colour_manual(values = colours) +
    ggplot2::scale_shape_manual(values = c(16, 1, 15, 0, 4, 3)) +
    ggplot2::scale_linetype_manual(values = c(1, 2, 1, 2, 1, 1)) +
    ggplot2::guides(colour = ggplot2::guide_legend(ncol = 2)) +
    ggplot2::labs(
      title = "CIFAR-10 on two processor cores",
      x = "Seconds of training",
      y = "Test accuracy",
      colour = NULL,
      shape = NULL,
      linetype = NULL
    ) +
    look()
}

# Images a second against the batch size.
speed_by_batch <- function() {
  rows <- result("step_rate")$speeds
  rows <- rows[rows$architecture == "cnn2", ]
  wide <- rows$images_per_second
  values <- data.frame(
    batch = rep(rows$batch_size, ncol(wide)),
    speed = unlist(wide),
    who = factor(rep(names(wide), each = nrow(wide)), names(wide))
  )
  ggplot2::ggplot(values, ggplot2::aes(.data$batch, .data$speed, colour = .data$who)) +
    ggplot2::geom_line() +
    ggplot2::geom_point(size = 2) +
    ggplot2::scale_x_log10(breaks = rows$batch_size) +
    ggplot2::scale_colour_manual(
      values = c("#D55E00", "#E69F00", "#009E73", "#999999", "#56B4E9", "#0072B2")
    ) +
    ggplot2::expand_limits(y = 0) +
    ggplot2::guides(colour = ggplot2::guide_legend(ncol = 3)) +
    ggplot2::labs(
      title = "Training cnn2",
      x = "Batch size",
      y = "Images a second",
      colour = NULL
    ) +
    look()
}

# The time and the memory of an epoch against the number of training images.
growth <- function() {
  rows <- result("scaling")$growing
  values <- data.frame(
    images = rep(rows$images, 2),
    value = c(rows$seconds, rows$training_mb),
    what = rep(c("Seconds of an epoch", "Memory for training, MB"), each = nrow(rows))
  )
  ggplot2::ggplot(values, ggplot2::aes(.data$images, .data$value)) +
    ggplot2::geom_line(colour = "#D55E00") +
    ggplot2::geom_point(colour = "#D55E00", size = 2) +
    ggplot2::facet_wrap("what", scales = "free_y") +
    ggplot2::expand_limits(y = 0) +
    ggplot2::scale_x_continuous(labels = function(n) format(n, big.mark = ",", trim = TRUE)) +
    ggplot2::labs(title = "Training cnn2 on more images", x = "Training images", y = NULL) +
    look()
}

draw <- function(target, width, height, ...) {
  plots <- list(...)
  dir.create(dirname(target), showWarnings = FALSE, recursive = TRUE)
  grDevices::png(target, width = width, height = height, res = 150, type = "cairo")
  grid::pushViewport(grid::viewport(layout = grid::grid.layout(1, length(plots))))
  for (i in seq_along(plots)) {
    print(plots[[i]], vp = grid::viewport(layout.pos.row = 1, layout.pos.col = i))
  }
  invisible(grDevices::dev.off())
}

has <- function(name) file.exists(sprintf("benchmarks/results/%s.json", name))

draw(
  "man/figures/README-picture.png",
  1500,
  660,
  plot(cifar_load_dataset("synthetic")),
  accuracy()
)
if (!is.null(result("budget")$ancestor)) {
  draw("man/figures/README-accuracy-by-seconds.png", 1200, 800, accuracy_by_seconds())
}
if (has("step_rate")) {
  draw("benchmarks/figures/speed-by-batch.png", 1100, 750, speed_by_batch())
}
if (has("scaling")) {
  draw("benchmarks/figures/growth.png", 1300, 600, growth())
}
