use super::*;
use proptest::prelude::*;

fn texts(sql: &str) -> Vec<&str> {
    significant(sql).map(|token| token.text).collect()
}

fn doubt(sql: &str) -> Option<Doubt> {
    first_doubt(sql).map(|doubtful| doubtful.doubt)
}

#[test]
fn texts_comments_and_names_are_told_apart() {
    assert_eq!(
        texts("select 'a;b', \"c;\"\"d\" -- e;f\n from /* g; /* h; */ i; */ t;"),
        ["select", "'a;b'", ",", "\"c;\"\"d\"", "from", "t", ";"]
    );
    assert_eq!(texts("as $$ a; b $$ x"), ["as", "$$ a; b $$", "x"]);
    assert_eq!(texts("$t$ $$ ; $t$;"), ["$t$ $$ ; $t$", ";"]);
    assert_eq!(texts("a$b$c;d$b$"), ["a$b$c", ";", "d$b$"]);
    assert_eq!(texts(r"'it\'s; here' x"), [r"'it\'s; here'", "x"]);
    assert_eq!(texts("'it''s; here' x"), ["'it''s; here'", "x"]);
    assert_eq!(
        texts("$\u{e9}\u{20ac}$ a; b $\u{e9}\u{20ac}$;"),
        ["$\u{e9}\u{20ac}$ a; b $\u{e9}\u{20ac}$", ";"]
    );
    assert_eq!(texts("$1$ a; $1$").len(), 6, "no tag begins with a digit");
    assert_eq!(
        texts("1.5e3+x1 #tmp .5 5."),
        ["1.5e3", "+", "x1", "#tmp", ".5", "5."]
    );
    assert_eq!(texts("1FROM t"), ["1", "FROM", "t"]);
    assert_eq!(
        texts("t.a, 1..2, a::int"),
        ["t", ".", "a", ",", "1", ".", ".2", ",", "a", "::", "int"]
    );
}

#[test]
fn the_forms_of_literals() {
    for (sql, form) in [
        ("'a'", TextForm::Plain),
        (r"e'\''", TextForm::Escape),
        (r"N'a\'b'", TextForm::National),
        ("b'01'", TextForm::Bits),
        (r"X'\''", TextForm::Hex),
        (r"u&'\''", TextForm::Unicode),
        ("$a$'$a$", TextForm::Dollar),
    ] {
        let all: Vec<Token<'_>> = tokens(sql).collect();
        assert_eq!(all.len(), 1, "{sql}");
        assert_eq!(all[0].kind, TokenKind::Text(form), "{sql}");
        assert!(!all[0].unterminated, "{sql}");
    }
    assert_eq!(
        texts("abe'x' e 'x' u & 'x'"),
        ["abe", "'x'", "e", "'x'", "u", "&", "'x'"]
    );
    assert_eq!(
        tokens("U&\"d\\0061\"").next().unwrap().kind,
        TokenKind::QuotedName
    );
}

#[test]
fn white_space_is_six_characters() {
    let kinds: Vec<TokenKind> = tokens(" \t\n\r\x0c\x0b").map(|token| token.kind).collect();
    assert_eq!(kinds, [TokenKind::Space]);
    for c in [
        '\u{a0}', '\u{85}', '\u{2003}', '\u{3000}', '\u{feff}', '\u{200b}',
    ] {
        let sql = format!("a{c}b");
        assert_eq!(texts(&sql), [sql.as_str()]);
        assert_eq!(doubt(&sql), Some(Doubt::Invisible), "{c:?}");
        assert_eq!(doubt(&format!("'{c}' \"{c}\" -- {c}\n/*{c}*/")), None);
    }
    assert_eq!(doubt("größe straße 日本"), None);
}

#[test]
fn a_line_ends_at_either_character() {
    for end in ["\n", "\r", "\r\n"] {
        assert_eq!(texts(&format!("a -- b{end}c")), ["a", "c"], "{end:?}");
    }
    for end in ["\x0b", "\x0c", "\u{85}", "\u{2028}"] {
        assert_eq!(texts(&format!("a -- b{end}c")), ["a"], "{end:?}");
    }
}

#[test]
fn what_is_not_closed_reaches_to_the_end() {
    for open in [
        "'a; b",
        "\"a; b",
        "$$ a; b",
        "$x$ a; $$",
        "e'a\\'",
        "u&\"a",
        "'a\\",
        "/* a; /* b */ c",
    ] {
        let all: Vec<Token<'_>> = tokens(open).collect();
        assert_eq!(all.len(), 1, "{open}");
        assert!(all[0].unterminated, "{open}");
        assert!(doubt(open).is_some(), "{open}");
        assert_eq!(literal_value(&all[0]), None, "{open}");
    }
    assert!(texts("-- a; b").is_empty());
}

#[test]
fn a_cast_is_no_placeholder() {
    let kinds: Vec<TokenKind> = significant("a::int :b : c:=d $1")
        .map(|token| token.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            TokenKind::Word,
            TokenKind::Cast,
            TokenKind::Word,
            TokenKind::Placeholder,
            TokenKind::Symbol(':'),
            TokenKind::Word,
            TokenKind::Symbol(':'),
            TokenKind::Symbol('='),
            TokenKind::Word,
            TokenKind::Position,
        ]
    );
}

#[test]
fn values_of_literals() {
    for (sql, value) in [
        ("'it''s'", "it's"),
        (r"'it\'s'", "it's"),
        (r"e'a\nb\tc\\d\q'", "a\nb\tc\\dq"),
        (r"'\101\0619'", "A19"),
        (r"'\303\251'", "é"),
        ("N'a'", "a"),
        ("$$it's$$", "it's"),
        ("$a$ $$ $a$", " $$ "),
        ("''", ""),
    ] {
        let token = tokens(sql).next().unwrap();
        assert_eq!(literal_value(&token).as_deref(), Some(value), "{sql}");
    }
    assert_eq!(literal_value(&tokens("a").next().unwrap()), None);
    for (sql, doubtful) in [
        (r"'\n'", true),
        (r"'\101'", true),
        (r"'\''", false),
        (r"'\\n'", false),
        ("'n'", false),
        (r"$$\n$$", false),
    ] {
        assert_eq!(
            has_doubtful_escape(&tokens(sql).next().unwrap()),
            doubtful,
            "{sql}"
        );
    }
    assert_eq!(
        quoted_name(&tokens("\"a\"\"b\"").next().unwrap()).as_deref(),
        Some("a\"b")
    );
}

#[test]
fn literals_continue_over_lines() {
    for (sql, continues) in [
        ("'a'\n'b'", true),
        ("'a' -- x\n 'b'", true),
        ("'a' /* x */\n 'b'", false),
        ("'a' 'b'", false),
        ("'a'\n,\n'b'", false),
    ] {
        let all: Vec<Token<'_>> = tokens(sql).collect();
        let between = all[1..all.len() - 1].iter().copied();
        assert_eq!(continues_literal(between), continues, "{sql}");
    }
}

#[test]
fn texts_with_two_readings() {
    let long = "a".repeat(MAX_NAME_BYTES + 1);
    for (sql, expected) in [
        (r"SELECT '\'' FROM secret --'", Some(Doubt::Backslash)),
        (r"SELECT '\' FROM t --'", Some(Doubt::Backslash)),
        (r"select 'it\'s; drop table x; --'", Some(Doubt::Backslash)),
        (r"select N'\' from t --'", Some(Doubt::Backslash)),
        // Elsewhere these are errors, so that they have one reading.
        (r"select 'it\'s'", None),
        (
            r"unload ('select a from t where b = \'x\'') to 's3://x'",
            None,
        ),
        (r"select '\\', '\d', e'\''", None),
        (r"SELECT X'\' FROM t --'", Some(Doubt::Prefix)),
        (r"SELECT B'\' FROM t --'", Some(Doubt::Prefix)),
        ("SELECT X'a'' FROM t --'", Some(Doubt::Prefix)),
        ("select X'ff', b'01'", None),
        ("SELECT 1 /* /* */ FROM t -- */", Some(Doubt::NestedComment)),
        ("SELECT 1 /* /* */ FROM t -- ", Some(Doubt::Unterminated)),
        ("SELECT 1 --\rFROM t", Some(Doubt::CarriageReturn)),
        ("SELECT 1 --\r \nFROM t", None),
        ("SELECT 1 --\r\nFROM t --\r", None),
        ("SELECT 1$$ FROM t --$$", Some(Doubt::Touching)),
        ("SELECT 1FROM t", Some(Doubt::Touching)),
        ("SELECT 0x1, 1", Some(Doubt::Touching)),
        ("SELECT 1_0", Some(Doubt::Touching)),
        ("SELECT $1FROM t", Some(Doubt::Touching)),
        ("SELECT :aé", Some(Doubt::Touching)),
        ("SELECT 1e3, 1.5E-3, .5, 5., $1", None),
        ("FROM U&\"d\\0061t\"", Some(Doubt::Prefix)),
        ("select u&'x'", Some(Doubt::Prefix)),
        ("select a#b", Some(Doubt::Hash)),
        ("select 'a'#b", Some(Doubt::Hash)),
        ("select * from #b", None),
        ("{fn f()}", Some(Doubt::Braces)),
        ("select ?", Some(Doubt::QuestionMark)),
        ("select `a`", Some(Doubt::Backtick)),
        ("select\x0b1", Some(Doubt::Invisible)),
        ("select '\0'", Some(Doubt::Invisible)),
        ("select \u{1}1", Some(Doubt::Invisible)),
        ("select ‘a’", Some(Doubt::Invisible)),
        ("select $\u{a0}$x$\u{a0}$", Some(Doubt::Invisible)),
        ("select 'open", Some(Doubt::Unterminated)),
    ] {
        assert_eq!(doubt(sql), expected, "{sql}");
    }
    assert_eq!(doubt(&long), Some(Doubt::LongName));
    assert_eq!(doubt(&format!("\"{long}\"")), Some(Doubt::LongName));
    assert_eq!(doubt(&long[1..]), None);
    assert_eq!(doubt(&format!("\"{}\"", &long[1..])), None);
}

#[test]
fn every_text_takes_linear_time() {
    const BYTES: usize = 1_000_000;
    let mut dollars = String::new();
    let mut n = 0_u32;
    while dollars.len() < BYTES {
        dollars.push_str(&format!("$a{n}$"));
        n += 1;
    }
    let mut texts = vec![dollars];
    for part in [
        "/*", "/*/", "$a", "$", "$1", "'", "'\\", "\"", "--\r", "--\r ", "a ", "$$a$b", "1e", ":",
        "#", "é", "1.", "''\n",
    ] {
        texts.push(part.repeat(BYTES / part.len()));
    }
    for text in texts {
        let begun = std::time::Instant::now();
        let last = tokens(&text).last().unwrap();
        let _ = first_doubt(&text);
        assert_eq!(last.end(), text.len());
        // Less than a second each; what is not linear takes hours.
        assert!(begun.elapsed().as_secs() < 60, "{}", &text[..12]);
    }
}

proptest! {
    #[test]
    fn the_tokens_are_the_text(sql in any::<String>()) {
        let mut joined = String::new();
        for token in tokens(&sql) {
            prop_assert!(!token.text.is_empty());
            prop_assert_eq!(token.start, joined.len());
            joined.push_str(token.text);
        }
        prop_assert_eq!(joined, sql);
    }

    #[test]
    fn so_they_are_of_what_looks_like_sql(sql in "([-'\"$/*#:;.\\\\a1e \n\r\u{a0}é]|E'|\\$a\\$){0,60}") {
        let joined: String = tokens(&sql).map(|token| token.text).collect();
        prop_assert_eq!(&joined, &sql);
        let _ = first_doubt(&sql);
        for token in tokens(&sql) {
            let _ = literal_value(&token);
        }
    }

    #[test]
    fn a_quoted_text_is_one_token(inside in "[^'\\\\]*") {
        let sql = format!("'{inside}'");
        prop_assert_eq!(texts(&sql), vec![sql.as_str()]);
        prop_assert_eq!(literal_value(&tokens(&sql).next().unwrap()), Some(inside));
    }

    #[test]
    fn a_semicolon_in_quotes_or_comments_is_none(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "'a;b'", "\"c;d\"", "$$e;f$$", "$q$;$$;$q$", "/* ; /* ; */ ; */", "-- ; '\n", "x", "1", "::int",
            ]),
            0..20,
        )
    ) {
        let sql = pieces.join(" ");
        prop_assert!(tokens(&sql).all(|token| token.kind != TokenKind::Semicolon));
    }
}
