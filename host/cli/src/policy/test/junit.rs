//! JUnit's XML, which build servers read.

use std::fmt::Write as _;

use super::report::{Report, failure};

/// The document.
pub(super) fn document(report: &Report) -> String {
    let failed = report.ran.iter().filter(|ran| !ran.passed()).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a `String` does not fail.
    let _ = writeln!(
        xml,
        "<testsuites>\n  <testsuite name=\"signalbox policy test\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"{:.3}\">",
        report.ran.len(),
        report.time.as_secs_f64()
    );
    for ran in &report.ran {
        let _ = write!(
            xml,
            "    <testcase name=\"{}\" classname=\"{}\" time=\"{:.3}\"",
            escaped(&ran.test.name),
            escaped(&ran.test.place),
            ran.time.as_secs_f64()
        );
        if ran.passed() {
            xml.push_str("/>\n");
            continue;
        }
        let text = failure(ran).join("\n");
        let text = anstream::adapter::strip_str(&text).to_string();
        let _ = writeln!(
            xml,
            ">\n      <failure message=\"it came otherwise than expected\">{}</failure>\n    </testcase>",
            escaped(&text)
        );
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// A text of a document; what XML cannot hold is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            letter if letter < ' ' || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_within_their_place() {
        assert_eq!(
            escaped("<a b=\"c\">&\u{1b}[31m\n</a>"),
            "&lt;a b=&quot;c&quot;&gt;&amp;[31m&#10;&lt;/a&gt;"
        );
    }
}
