#include "examples/fashion_mnist/report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "core/file.h"
#include "examples/fashion_mnist/png.h"

namespace sluice::examples {
namespace {

constexpr char kHead[] = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title><style>
:root{--ink:#1c2430;--soft:#667085;--line:#d7dce3;--paper:#fff;--a:#2563eb;--b:#d97706;--rgb:37,99,235}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#98a2b3;--line:#344054;--paper:#12161d;--a:#7aa2ff;--b:#f0a94b;--rgb:122,162,255}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1000px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 1rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
table{border-collapse:collapse}td,th{padding:.25rem .7rem;text-align:right;font-variant-numeric:tabular-nums}
.facts td:first-child{text-align:left;color:var(--soft);padding-left:0}.facts td{text-align:left}
.charts{display:flex;flex-wrap:wrap;gap:1.5rem}.charts figure{margin:0;flex:1 1 420px}
figcaption{color:var(--soft);font-size:.9rem}svg{width:100%%;height:auto}
svg text{fill:var(--soft);font-size:12px}.grid{stroke:var(--line)}.a{stroke:var(--a)}.b{stroke:var(--b)}.dot{fill:var(--b)}
.confusion{font-size:.85rem}.confusion td{min-width:2.6rem;border:1px solid var(--line)}.confusion th{color:var(--soft);font-weight:500}
.scroll{overflow-x:auto}
.mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(120px,1fr));gap:1rem}
.mistakes figure{margin:0;text-align:center;font-size:.82rem}.mistakes img{width:84px;height:84px;image-rendering:pixelated;border-radius:6px}
.mistakes b{color:var(--b)}
</style></head><body>
)";

std::string Escape(const std::string& text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

// Where the plot area of a chart lies, and what its axes cover.
struct Axes {
  static constexpr double kLeft = 48, kTop = 12, kWidth = 420, kHeight = 220;
  double max_step = 1, low = 0, high = 1;
  double X(double step) const { return kLeft + kWidth * step / max_step; }
  double Y(double value) const {
    return kTop + kHeight * (1 - (std::clamp(value, low, high) - low) / (high - low));
  }
};

// A power of ten times 1, 2 or 5, such that `range` has about `count` of them.
double NiceStep(double range, int count) {
  const double raw = range / count;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (double factor : {1.0, 2.0, 5.0}) {
    if (raw <= factor * power) return factor * power;
  }
  return 10 * power;
}

std::string Grid(const Axes& axes) {
  std::string svg;
  const double y_step = NiceStep(axes.high - axes.low, 5);
  for (double v = std::ceil(axes.low / y_step) * y_step; v <= axes.high + y_step * 1e-6;
       v += y_step) {
    absl::StrAppendFormat(&svg,
                          "<line class=grid x1=%.1f x2=%.1f y1=%.1f y2=%.1f /><text x=%.1f y=%.1f "
                          "text-anchor=end>%g</text>",
                          Axes::kLeft, Axes::kLeft + Axes::kWidth, axes.Y(v), axes.Y(v),
                          Axes::kLeft - 6, axes.Y(v) + 4, std::round(v * 1e6) / 1e6);
  }
  const double x_step = std::max(1.0, NiceStep(axes.max_step, 5));
  for (double s = 0; s <= axes.max_step; s += x_step) {
    absl::StrAppendFormat(&svg, "<text x=%.1f y=%.1f text-anchor=middle>%g</text>", axes.X(s),
                          Axes::kTop + Axes::kHeight + 18, s);
  }
  return svg;
}

std::string Line(const Axes& axes, const std::vector<CurvePoint>& points, const char* css_class,
                 double width, double opacity) {
  std::string svg =
      absl::StrFormat("<polyline class=%s fill=none stroke-width=%g opacity=%g points=\"",
                      css_class, width, opacity);
  for (const CurvePoint& p : points) {
    if (std::isfinite(p.value))
      absl::StrAppendFormat(&svg, "%.1f,%.1f ", axes.X(static_cast<double>(p.step)),
                            axes.Y(p.value));
  }
  return svg + "\"/>";
}

// Mean over a sliding window, so that the trend shows through the noise of single batches. What is
// no number (a loss that overflowed) is left out.
std::vector<CurvePoint> Smooth(std::vector<CurvePoint> points) {
  std::erase_if(points, [](const CurvePoint& p) { return !std::isfinite(p.value); });
  const size_t window = std::max<size_t>(1, points.size() / 40);
  std::vector<CurvePoint> smooth;
  double sum = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    sum += points[i].value;
    if (i >= window) sum -= points[i - window].value;
    smooth.push_back(
        {points[i].step, static_cast<float>(sum / static_cast<double>(std::min(i + 1, window)))});
  }
  return smooth;
}

int64_t LastStep(const Report& report) {
  int64_t last = 1;
  for (const auto* curve : {&report.loss, &report.accuracy, &report.test_accuracy}) {
    if (!curve->empty()) last = std::max(last, curve->back().step);
  }
  return last;
}

std::string Chart(const Axes& axes, const std::string& content, const std::string& caption) {
  return absl::StrCat("<figure><svg viewBox=\"0 0 490 260\" role=img>", Grid(axes), content,
                      "</svg><figcaption>", caption, "</figcaption></figure>\n");
}

std::string Charts(const Report& report) {
  float highest = 0.1f;
  for (const CurvePoint& p : Smooth(report.loss)) highest = std::max(highest, p.value);
  const Axes loss{.max_step = static_cast<double>(LastStep(report)), .low = 0, .high = highest};
  float lowest = 0.8f;
  for (const CurvePoint& p : report.test_accuracy) lowest = std::min(lowest, p.value - 0.02f);
  const Axes accuracy{
      .max_step = loss.max_step, .low = std::max(0.0f, std::floor(lowest * 10) / 10), .high = 1};
  std::string dots;
  for (const CurvePoint& p : report.test_accuracy) {
    absl::StrAppendFormat(
        &dots, "<circle class=dot cx=%.1f cy=%.1f r=3.5><title>step %d: %.4f</title></circle>",
        accuracy.X(static_cast<double>(p.step)), accuracy.Y(p.value), p.step, p.value);
  }
  return absl::StrCat(
      "<div class=charts>\n",
      Chart(loss,
            Line(loss, report.loss, "a", 1, 0.25) + Line(loss, Smooth(report.loss), "a", 2, 1),
            "Training loss by step: single batches (faint) and their moving mean."),
      Chart(accuracy,
            absl::StrCat(Line(accuracy, report.accuracy, "a", 1, 0.2),
                         Line(accuracy, Smooth(report.accuracy), "a", 2, 1),
                         Line(accuracy, report.test_accuracy, "b", 2, 1), dots),
            "Accuracy by step: training batches (blue) and test images after each epoch (orange)."),
      "</div>\n");
}

std::string ConfusionTable(const Report& report) {
  std::string html = "<div class=scroll><table class=confusion><tr><th></th>";
  for (const std::string& name : report.classes)
    absl::StrAppend(&html, "<th>", Escape(name), "</th>");
  html += "<th>right</th></tr>\n";
  for (size_t label = 0; label < report.confusion.size(); ++label) {
    const std::vector<int64_t>& row = report.confusion[label];
    int64_t total = 0;
    for (int64_t count : row) total += count;
    absl::StrAppend(&html, "<tr><th>", Escape(report.classes[label]), "</th>");
    for (int64_t count : row) {
      const double share = total > 0 ? static_cast<double>(count) / static_cast<double>(total) : 0;
      absl::StrAppendFormat(&html, "<td style=\"background:rgba(var(--rgb),%.3f)\">%d</td>",
                            0.6 * std::sqrt(share), count);
    }
    const double right =
        total > 0 ? 100.0 * static_cast<double>(row[label]) / static_cast<double>(total) : 0;
    absl::StrAppendFormat(&html, "<td>%.1f%%</td></tr>\n", right);
  }
  return html + "</table></div>\n";
}

std::string Mistakes(const Report& report) {
  std::string html = "<div class=mistakes>\n";
  for (const Mistake& m : report.mistakes) {
    const std::string png = EncodeGreyPng(m.pixels, report.image_size, report.image_size);
    absl::StrAppendFormat(
        &html,
        "<figure><img alt=\"%s\" src=\"data:image/png;base64,%s\"><br>%s<br>taken for <b>%s</b> "
        "(%.0f%%)</figure>\n",
        Escape(report.classes[m.label]), absl::Base64Escape(png), Escape(report.classes[m.label]),
        Escape(report.classes[m.predicted]), 100 * m.confidence);
  }
  return html + "</div>\n";
}

}  // namespace

absl::Status WriteReport(const Report& report, const std::string& path) {
  std::string html = absl::StrFormat(kHead, Escape(report.title));
  absl::StrAppend(&html, "<h1>", Escape(report.title), "</h1>\n<table class=facts>\n");
  for (const auto& [what, value] : report.facts)
    absl::StrAppend(&html, "<tr><td>", Escape(what), "</td><td>", Escape(value), "</td></tr>\n");
  absl::StrAppend(&html, "</table>\n<h2>Training</h2>\n", Charts(report),
                  "<h2>Confusion matrix</h2>\n<p>Rows: what the picture shows. Columns: what the "
                  "network says. Test images.</p>\n",
                  ConfusionTable(report),
                  "<h2>Worst mistakes</h2>\n<p>Test images on whose wrong class the network was "
                  "most certain.</p>\n",
                  Mistakes(report), "</body></html>\n");
  return FileSystem::Default().ReplaceAtomically(path, html);
}

}  // namespace sluice::examples
