//! Whether something fits, where that cannot always be told.

/// Whether something fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be told from here, and why not.
    Open(String),
}

impl Fit {
    pub(super) fn of(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            open @ Self::Open(_) => open,
        }
    }

    /// Whether all of them fit.
    pub(super) fn all(fits: impl IntoIterator<Item = Self>) -> Self {
        Self::fold(fits, &Self::No, Self::Yes)
    }

    /// Whether any of them fits.
    pub(super) fn any(fits: impl IntoIterator<Item = Self>) -> Self {
        Self::fold(fits, &Self::Yes, Self::No)
    }

    /// The one that decides, else the first that is open, else what holds of none.
    fn fold(fits: impl IntoIterator<Item = Self>, decides: &Self, none: Self) -> Self {
        let mut open = None;
        for fit in fits {
            if fit == *decides {
                return fit;
            }
            if let Self::Open(_) = fit {
                open.get_or_insert(fit);
            }
        }
        open.unwrap_or(none)
    }
}

/// Whether a text fits a pattern in which `*` stands for any characters and `?`, where it is asked for, for one.
pub(super) fn glob(pattern: &str, text: &str, question: bool) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star was, and how much of the text it has taken.
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some('?') if question => (p, t) = (p + 1, t + 1),
            Some(c) if text.get(t) == Some(c) => (p, t) = (p + 1, t + 1),
            _ => match star {
                None => return false,
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, t) = (at + 1, taken + 1);
                }
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_decides_comes_before_what_is_open() {
        let open = || Fit::Open("?".to_owned());
        assert_eq!(Fit::all([Fit::Yes, open(), Fit::No]), Fit::No);
        assert_eq!(Fit::all([Fit::Yes, open()]), open());
        assert_eq!(Fit::all([]), Fit::Yes);
        assert_eq!(Fit::any([Fit::No, open(), Fit::Yes]), Fit::Yes);
        assert_eq!(Fit::any([Fit::No, open()]), open());
        assert_eq!(Fit::any([]), Fit::No);
        assert_eq!((open().not(), Fit::No.not()), (open(), Fit::Yes));
    }

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text) in [
            ("*", ""),
            ("a*c", "abbc"),
            ("a*b*c", "axbxbxc"),
            ("*:rule/*", "arn:rule/x"),
            ("a?c", "abc"),
        ] {
            assert!(glob(pattern, text, true), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("a*c", "abd"),
            ("a?c", "ac"),
            ("*x", "xy"),
        ] {
            assert!(!glob(pattern, text, true), "{pattern} {text}");
        }
        assert!(!glob("a?c", "abc", false));
    }
}
