//! Whatever a text is made of, work grows with its length and with nothing else.

use std::cell::Cell;

use super::{find, mask, mask_quoted, mask_values};

thread_local! {
    /// Bytes of tokens that were looked at.
    pub(super) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
}

/// What made masking quadratic or recursive, and its relatives: a beginning, what is repeated, an end.
fn attacks() -> Vec<(&'static str, String, &'static str)> {
    let tags: String = (0..200).map(|n| format!("$t{n}$")).collect();
    let mut all: Vec<_> = [
        ("", "$a$$b$", ""),
        ("", "$$", "password"),
        ("password ", "$$ ' ", ""),
        ("", "'", ""),
        ("password ", "''", ""),
        ("", "\\'", "password 'x'"),
        ("'", "password ", ""),
        ("", "password'x'", ""),
        ("", "'password'x", ""),
        ("", "password='password=", ""),
        ("", "password=a/*", ""),
        ("", "password/*", ""),
        ("", "password--\r", ""),
        ("password ", "/* */ -- \n", "'x'"),
        ("password ", "(", "'x'"),
        ("", "token=", ""),
        ("", "\"password\":\"", ""),
        ("", "e'password '", ""),
        ("execute '", "''password ''''x''''''", "'"),
        ("password ", "'a'\n", ""),
        ("password ", "'a'||", ""),
        ("'password'", " ", "||'x'"),
        ("", "'password'  ", ""),
        ("", "AKIAIOSFODNN7EXAMPLE ", ""),
        ("\"", "\"\"", ""),
        ("", "\\160assword '", ""),
        ("", "é\u{a0}password 'é' ", ""),
    ]
    .into_iter()
    .map(|(before, part, after)| (before, part.to_owned(), after))
    .collect();
    all.push(("", tags, "password 'x'"));
    all
}

#[test]
fn work_grows_with_the_text_and_no_faster() {
    for (before, part, after) in attacks() {
        let work = |bytes: usize| {
            let text = format!("{before}{}{after}", part.repeat(bytes / part.len() + 1));
            LOOKED_AT.set(0);
            let masked = mask(&text);
            assert_eq!(mask(&masked), masked, "{part}");
            let _ = (find(&text), mask_values(&text), mask_quoted(&text));
            LOOKED_AT.get()
        };
        let (small, large) = (work(5_000), work(20_000));
        assert!(large <= 5 * small, "{part}: {small} {large}");
        assert!(large <= 100 * 20_000, "{part}: {large}");
    }
}

/// In a thread with little stack. That it ends is the test: it would not, if anything were quadratic or recursive.
#[test]
fn a_small_stack_is_enough_for_any_length() {
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    let all = move || {
        for (before, part, after) in attacks() {
            let text = format!("{before}{}{after}", part.repeat(600_000 / part.len()));
            let _ = (
                mask(&text),
                find(&text),
                mask_values(&text),
                mask_quoted(&text),
            );
        }
    };
    thread.spawn(all).unwrap().join().unwrap();
}
