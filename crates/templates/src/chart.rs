//! Bar charts as pictures that stand in the page itself. They carry no style of their own, which the policy of our pages
//! would refuse: the sheet knows their colours and changes them in the dark.

use plotters::coord::Shift;
use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::{
    ChartBuilder, DrawingArea, DrawingAreaErrorKind, DrawingBackend, IntoDrawingArea, IntoFont,
    IntoSegmentedCoord, RGBColor, Rectangle, SVGBackend,
};
use plotters::style::Color;

/// The units of a picture; the sheet decides how large they are.
const SIZE: (u32, u32) = (640, 220);

/// The colours that the sheet knows.
const BAR: RGBColor = RGBColor(0x3F, 0x51, 0xC4);
const LINE: RGBColor = RGBColor(0xDC, 0xDF, 0xE8);
const TEXT: RGBColor = RGBColor(0x56, 0x5D, 0x70);

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// What stands below it.
    pub label: String,
    /// How high it is.
    pub value: i64,
}

/// A picture could not be drawn.
#[derive(Debug)]
pub struct ChartError(String);

impl std::fmt::Display for ChartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a chart cannot be drawn: {}", self.0)
    }
}

impl std::error::Error for ChartError {}

/// The bars as SVG; one of `every` so many has its label below it.
///
/// # Errors
/// When the library cannot draw them.
pub fn bars(bars: &[Bar], every: usize) -> Result<String, ChartError> {
    let mut svg = String::new();
    if bars.is_empty() {
        return Ok(svg);
    }
    let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
    draw(&area, bars, every.max(1)).map_err(|error| ChartError(error.to_string()))?;
    drop(area);
    Ok(svg)
}

fn draw<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    bars: &[Bar],
    every: usize,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let top = bars.iter().map(|bar| bar.value).max().unwrap_or_default().max(4);
    let last = bars.len() - 1;
    let mut chart = ChartBuilder::on(area)
        .margin_top(10)
        .margin_right(10)
        .x_label_area_size(26)
        .y_label_area_size(44)
        .build_cartesian_2d((0..last).into_segmented(), 0..top + top / 10)?;
    let label = |at: &SegmentValue<usize>| match at {
        SegmentValue::CenterOf(index) if index % every == 0 => {
            bars.get(*index).map(|bar| bar.label.clone()).unwrap_or_default()
        }
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(LINE.mix(0.0))
        .bold_line_style(LINE)
        .axis_style(LINE)
        .label_style(("sans-serif", 14).into_font().color(&TEXT))
        .x_labels(bars.len())
        .y_labels(4)
        .x_label_formatter(&label)
        .draw()?;
    chart.draw_series(bars.iter().enumerate().filter(|(_, bar)| bar.value > 0).map(|(index, bar)| {
        let corners = [(SegmentValue::Exact(index), 0), (SegmentValue::Exact(index + 1), bar.value)];
        let mut rectangle = Rectangle::new(corners, BAR.filled());
        rectangle.set_margin(0, 0, 1, 1);
        rectangle
    }))?;
    area.present()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_drawn_for_each_value_and_nothing_that_the_policy_refuses() {
        let many: Vec<Bar> = (0..48).map(|hour| Bar { label: format!("{hour}:00"), value: hour }).collect();
        let svg = bars(&many, 6).unwrap();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert_eq!(svg.matches("fill=\"#3F51C4\"").count(), 47, "one has nothing to show");
        for shown in ["0:00", "6:00", "42:00"] {
            assert!(svg.contains(&format!("\n{shown}\n")), "{shown}: {svg}");
        }
        assert!(!svg.contains("\n5:00\n"));
        for refused in ["style=", "<style", "<script", "href"] {
            assert!(!svg.contains(refused), "{refused}");
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing_and_zeros_have_their_axes() {
        assert_eq!(bars(&[], 1).unwrap(), "");
        let quiet: Vec<Bar> = (0..14).map(|day| Bar { label: day.to_string(), value: 0 }).collect();
        let svg = bars(&quiet, 2).unwrap();
        assert!(svg.contains("\n12\n") && !svg.contains("#3F51C4"), "{svg}");
    }
}
