//! Makes JSON fit.

use serde_json::{Value, json};

use crate::secrets::for_each_text;

/// A text is not cut shorter than this (characters): then the data is replaced as a whole.
const SHORTEST_CUT: usize = 32;

/// Cuts the longest texts in half until the data fits; if that is not enough, what leads to the rest. None if not even
/// that fits.
pub(crate) fn data(mut data: Value, max: usize, measure: fn(&str) -> usize) -> Option<Value> {
    let fits = |data: &Value| measure(&data.to_string()) <= max;
    let pointer = json!({
        "detail": {
            "statementId": data.pointer("/detail/statementId").filter(|id| id.is_string()),
            "state": data.pointer("/detail/state").filter(|state| state.is_string()),
        },
        "omitted": "The data was too long. Ask with describeStatement.",
    });
    while !fits(&data) {
        let mut longest = 0;
        for_each_text(&mut data, &mut |text| {
            longest = longest.max(text.chars().count());
        });
        let keep = longest / 2;
        if keep < SHORTEST_CUT {
            return Some(pointer).filter(fits);
        }
        for_each_text(&mut data, &mut |text| {
            if text.chars().count() > keep {
                *text = text.chars().take(keep - 1).chain(['…']).collect();
            }
        });
    }
    Some(data)
}
