//! The picture of the demo shows what the demo shows.

use crate::{page, signalbox};

/// The texts of a picture, line by line, without their styles.
fn texts(svg: &str) -> Vec<String> {
    let texts = svg.split("<text").skip(1);
    let texts = texts.filter_map(|text| text.split("</text>").next()?.split_once('>'));
    texts
        .map(|(_, text)| {
            let pieces = text.split('<').enumerate();
            let plain: String = pieces
                .map(|(at, piece)| match at {
                    0 => piece,
                    _ => piece.split_once('>').unwrap().1,
                })
                .collect();
            plain
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&")
        })
        .collect()
}

#[test]
fn the_picture_of_the_demo_has_its_scenarios() {
    let svg = page("docs/demo.svg");
    assert!(svg.len() < 60_000, "{} bytes", svg.len());
    let lines = texts(&svg);
    let drawn: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("ok  ")?.split_whitespace().next())
        .collect();
    let listed = String::from_utf8(signalbox(&["demo", "--list"]).stdout).unwrap();
    let names: Vec<&str> = listed.lines().collect();
    assert!(names.len() > 5, "{names:?}");
    assert_eq!(drawn, names, "draw it again: docs/demo-svg says how");
    let all = format!("{0} of {0} scenarios", names.len());
    assert!(lines.iter().any(|line| line.starts_with(&all)), "{all}");
    // Those that are told at length.
    let told = lines.iter().filter_map(|line| {
        let (number, name) = line.trim_start().split_once(". ")?;
        Some((number.parse::<usize>().ok()?, name))
    });
    let told: Vec<(usize, &str)> = told.collect();
    assert!(told.len() > 1, "{told:?}");
    for (number, name) in told {
        assert_eq!(names[number - 1], name);
    }
}
