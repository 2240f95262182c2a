# The pictures. Colours are those of Okabe and Ito 2008, "Color Universal Design", which can be told
# apart with any colour vision; Python's plots use the same.

blue <- "#0072B2"
vermilion <- "#D55E00"
blues <- c("#F7FBFF", "#C6DBEF", "#6BAED6", "#2171B5", "#08306B")
gap <- 3L # pixels between sample images
most_marked <- 40L # epochs, above which points would hide the line
most_counted <- 25L # classes, above which the counts in the cells could not be read

# Accuracy and loss against epochs.
plot_history <- function(model) {
  history <- model$history
  metric <- tools::toTitleCase(history$metric)
  history$metric <- factor(metric, levels = unique(c("Accuracy", "Loss", metric)))
  history$split <- factor(history$split, levels = c("train", "validation"))
  plot <- ggplot2::ggplot(
    history,
    ggplot2::aes(
      .data$epoch, .data$value,
      colour = .data$split, linetype = .data$split, shape = .data$split
    )
  ) +
    ggplot2::facet_wrap(ggplot2::vars(.data$metric), scales = "free_y") +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::labs(
      title = sprintf("%s on %s", model$architecture, model$data$name),
      x = "Epoch", y = NULL, colour = NULL, linetype = NULL, shape = NULL
    ) +
    split_scales(validation_label(model$config$validation)) +
    plain_theme() +
    ggplot2::theme(legend.position = "bottom")
  epochs <- max(history$epoch)
  marks <- list(
    if (epochs > 1L) ggplot2::geom_line(),
    if (epochs <= most_marked) ggplot2::geom_point(size = 1.8)
  )
  plot + marks
}

# Sample images, an array of raw (class, image, height, width, 3), one class a row.
plot_mosaic <- function(images, class_names, title) {
  shape <- dim(images)
  tile <- shape[3:4] + gap
  mosaic <- as_mosaic(images, tile)
  height <- nrow(mosaic)
  middles <- height - (seq_along(class_names) - 0.5) * tile[[1L]] + gap / 2
  ggplot2::ggplot() +
    ggplot2::annotation_raster(mosaic, 0, ncol(mosaic), 0, height, interpolate = FALSE) +
    ggplot2::scale_x_continuous(limits = c(0, ncol(mosaic)), expand = c(0, 0), breaks = NULL) +
    ggplot2::scale_y_continuous(
      limits = c(0, height), expand = c(0, 0), breaks = middles, labels = class_names
    ) +
    ggplot2::coord_fixed() +
    ggplot2::labs(title = title, x = NULL, y = NULL) +
    plain_theme() +
    ggplot2::theme(panel.grid = ggplot2::element_blank())
}

# Counts of true against predicted classes, coloured by their share of the true class.
plot_confusion <- function(evaluation) {
  counts <- evaluation$confusion
  total <- stats::ave(counts$n, counts$truth, FUN = sum)
  counts$share <- counts$n / pmax(total, 1)
  plot <- ggplot2::ggplot(counts, ggplot2::aes(.data$predicted, .data$truth)) +
    ggplot2::geom_tile(ggplot2::aes(fill = .data$share), colour = "white") +
    ggplot2::scale_fill_gradientn(
      colours = blues, limits = c(0, 1), name = "Share of\nthe true class"
    ) +
    ggplot2::scale_y_discrete(limits = rev) +
    ggplot2::coord_fixed() +
    ggplot2::labs(
      title = sprintf(
        "Split %s: accuracy %.4f on %s images",
        evaluation$split, evaluation$accuracy, format(evaluation$n, big.mark = ",")
      ),
      x = "Predicted class", y = "True class"
    ) +
    plain_theme() +
    ggplot2::theme(
      panel.grid = ggplot2::element_blank(),
      axis.text.x = ggplot2::element_text(angle = 45, hjust = 1)
    )
  if (nlevels(counts$truth) > most_counted) {
    return(plot)
  }
  counts$ink <- ifelse(counts$share > 0.5, "white", ifelse(counts$n == 0, "#999999", "black"))
  plot + ggplot2::geom_text(
    ggplot2::aes(label = .data$n), counts,
    colour = counts$ink, size = 3
  )
}

plain_theme <- function() {
  ggplot2::theme_minimal(base_size = 11) +
    ggplot2::theme(
      panel.grid.minor = ggplot2::element_blank(),
      plot.title = ggplot2::element_text(face = "bold", size = 11),
      plot.title.position = "plot",
      panel.spacing.x = ggplot2::unit(1.5, "lines"),
      strip.text = ggplot2::element_text(hjust = 0)
    )
}

# One legend for colour, line and point.
split_scales <- function(validation) {
  labels <- c(train = "training", validation = validation)
  list(
    ggplot2::scale_colour_manual(
      values = c(train = blue, validation = vermilion), labels = labels
    ),
    ggplot2::scale_linetype_manual(
      values = c(train = "solid", validation = "dashed"), labels = labels
    ),
    ggplot2::scale_shape_manual(values = c(train = 16, validation = 15), labels = labels)
  )
}

# What was validated on: a share that was held out, or a split by name.
validation_label <- function(validation) {
  if (is.character(validation)) sprintf("validation (split %s)", validation) else "validation"
}

whole_breaks <- function(limits) {
  breaks <- pretty(limits)
  breaks[breaks == trunc(breaks)]
}

# One picture of all images on white, as a matrix of colours.
as_mosaic <- function(images, tile) {
  shape <- dim(images)
  pixels <- array(as.integer(images), shape)
  colours <- grDevices::rgb(
    pixels[, , , , 1], pixels[, , , , 2], pixels[, , , , 3],
    maxColorValue = 255
  )
  framed <- array("#FFFFFF", c(shape[1:2], tile))
  framed[, , seq_len(shape[[3L]]), seq_len(shape[[4L]])] <- colours
  # From (class, image, row, column) to rows within classes and columns within images.
  matrix(aperm(framed, c(3, 1, 4, 2)), shape[[1L]] * tile[[1L]])
}

# Accuracy against epochs, one panel a network; each seed has a line of its own.
plot_reproduction <- function(reproduction) {
  table <- reproduction$table
  history <- reproduction$history[reproduction$history$metric == "accuracy", ]
  panel <- function(x) paste0(x$architecture, ", ", x$budget)
  history$panel <- factor(panel(history), levels = unique(panel(table)))
  table$panel <- factor(panel(table), levels = unique(panel(table)))
  stated <- table[!is.na(table$stated_test), ]
  names <- c(train = "training images", validation = "test images")
  ggplot2::ggplot(
    history,
    ggplot2::aes(
      .data$epoch, .data$value,
      colour = .data$split, linetype = .data$split, group = interaction(.data$split, .data$seed)
    )
  ) +
    ggplot2::geom_hline(
      ggplot2::aes(yintercept = .data$stated_test), stated,
      colour = "#666666", linewidth = 0.3
    ) +
    marks_of(history$epoch) +
    ggplot2::facet_wrap(ggplot2::vars(.data$panel), scales = "free_x") +
    ggplot2::scale_x_continuous(breaks = whole_breaks) +
    ggplot2::coord_cartesian(ylim = c(0, 1)) +
    ggplot2::scale_colour_manual(
      values = c(train = blue, validation = vermilion), labels = names
    ) +
    ggplot2::scale_linetype_manual(
      values = c(train = "solid", validation = "dashed"), labels = names
    ) +
    ggplot2::labs(
      x = "Epoch", y = "Accuracy", colour = NULL, linetype = NULL,
      caption = if (nrow(stated) > 0L) "Grey lines: the stated accuracy on test images."
    ) +
    plain_theme() +
    ggplot2::theme(legend.position = "bottom")
}

marks_of <- function(epochs) {
  if (max(epochs) > 1L) ggplot2::geom_line() else ggplot2::geom_point(size = 1.8)
}
