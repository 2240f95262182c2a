# Draw the picture of the project's README from the committed results:
#     Rscript benchmarks/figures.R
# On the left ten classes of the synthetic data set, on the right cnn2 on CIFAR-10, measured (lines)
# and stated (points). Images of CIFAR-10 are not drawn: they are not ours to publish.

library(pycifar)

measured <- function() {
  found <- jsonlite::fromJSON("benchmarks/results/doors_10_epochs.json")$history
  data.frame(found, who = "measured")
}

stated <- function() {
  wide <- read.csv("benchmarks/stated_cnn2.csv")
  long <- data.frame(
    epoch = wide$epoch, split = rep(c("train", "validation"), each = nrow(wide)),
    metric = "accuracy", value = c(wide$accuracy, wide$val_accuracy)
  )
  data.frame(long, who = "stated")
}

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
      title = "cnn2 on CIFAR-10, seed 1", x = "Epoch", y = "Accuracy",
      colour = NULL, linetype = NULL, shape = NULL
    ) +
    ggplot2::theme_minimal(base_size = 11) +
    ggplot2::theme(
      legend.position = "bottom", plot.title = ggplot2::element_text(face = "bold", size = 11),
      panel.grid.minor = ggplot2::element_blank(), plot.title.position = "plot"
    )
}

target <- "man/figures/README-picture.png"
dir.create(dirname(target), showWarnings = FALSE, recursive = TRUE)
grDevices::png(target, width = 1500, height = 660, res = 150, type = "cairo")
grid::pushViewport(grid::viewport(layout = grid::grid.layout(1, 2, widths = c(5, 5))))
place <- function(plot, column) {
  print(plot, vp = grid::viewport(layout.pos.row = 1, layout.pos.col = column))
}
place(plot(cifar_load_dataset("synthetic")), 1)
place(accuracy(), 2)
invisible(grDevices::dev.off())
