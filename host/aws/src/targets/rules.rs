//! What each field of a target may look like: the patterns and lengths of the services' own models.

use super::TargetProblem;

/// Gives the field's text if it is there and good, and notes what is wrong with it else.
pub(super) fn text(
    problems: &mut Vec<TargetProblem>,
    field: &'static str,
    given: &Option<String>,
    rule: fn(&str) -> Result<(), &'static str>,
) -> Option<String> {
    let given = given.as_ref()?;
    match rule(given) {
        Ok(()) => Some(given.clone()),
        Err(rule) => {
            problems.push(TargetProblem {
                field,
                message: format!("{given:?} {rule}"),
            });
            None
        }
    }
}

fn when(good: bool, rule: &'static str) -> Result<(), &'static str> {
    if good { Ok(()) } else { Err(rule) }
}

fn length(text: &str, from: usize, to: usize) -> bool {
    (from..=to).contains(&text.chars().count())
}

fn lower_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

pub(super) fn cluster_identifier(text: &str) -> Result<(), &'static str> {
    let good = length(text, 1, 63)
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.chars().all(|c| lower_or_digit(c) || c == '-');
    when(
        good,
        "is no cluster identifier: 1 to 63 lower-case letters, digits and single hyphens, a letter first, no hyphen last",
    )
}

pub(super) fn workgroup_name(text: &str) -> Result<(), &'static str> {
    let plain =
        |name: &str| !name.is_empty() && name.chars().all(|c| lower_or_digit(c) || c == '-');
    let name = match arn(text) {
        Some(("redshift-serverless", resource)) => {
            resource.strip_prefix("workgroup/").unwrap_or_default()
        }
        Some(_) => "",
        None => text,
    };
    when(
        length(text, 3, 128) && plain(name),
        "is no workgroup: give its name (3 to 128 lower-case letters, digits and hyphens) or its ARN \
         (arn:aws:redshift-serverless:REGION:ACCOUNT:workgroup/ID)",
    )
}

pub(super) fn database(text: &str) -> Result<(), &'static str> {
    when(
        length(text, 1, 127) && !text.contains(char::is_control),
        "is no database name: 1 to 127 characters",
    )
}

pub(super) fn db_user(text: &str) -> Result<(), &'static str> {
    when(
        length(text, 1, 128) && !text.contains(char::is_control),
        "is no database user: 1 to 128 characters",
    )
}

pub(super) fn secret_arn(text: &str) -> Result<(), &'static str> {
    let good = match arn(text) {
        Some((service, resource)) => service == "secretsmanager" && resource.starts_with("secret:"),
        None => {
            length(text, 1, 512)
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c))
        }
    };
    when(
        good,
        "is no secret: give its ARN (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME) or its name, never the \
         secret itself",
    )
}

pub(super) fn region(text: &str) -> Result<(), &'static str> {
    let mut parts = text.split('-');
    let good = parts
        .next()
        .is_some_and(|p| length(p, 2, 8) && p.chars().all(|c| c.is_ascii_lowercase()))
        && parts
            .next_back()
            .is_some_and(|p| length(p, 1, 2) && p.chars().all(|c| c.is_ascii_digit()))
        && parts.clone().count() >= 1
        && parts.all(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_lowercase()));
    when(good, "is no region: a code such as eu-central-1")
}

pub(super) fn role_arn(text: &str) -> Result<(), &'static str> {
    let good = length(text, 20, 2048)
        && arn(text).is_some_and(|(service, resource)| {
            service == "iam"
                && resource
                    .strip_prefix("role/")
                    .is_some_and(|name| !name.is_empty())
        });
    when(
        good,
        "is no role: give its ARN (arn:aws:iam::ACCOUNT:role/NAME)",
    )
}

pub(super) fn external_id(text: &str) -> Result<(), &'static str> {
    let good = length(text, 2, 1224)
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c));
    when(
        good,
        "is no external id: 2 to 1,224 letters, digits and _+=,.@:/-",
    )
}

pub(super) fn role_session_name(text: &str) -> Result<(), &'static str> {
    let good = length(text, 2, 64)
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    when(
        good,
        "is no session name: 2 to 64 letters, digits and _+=,.@-",
    )
}

/// Service and resource of an ARN; none for what does not begin as one.
fn arn(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("arn:")?;
    let mut parts = rest.splitn(5, ':');
    let (Some(partition), Some(service), Some(_region), Some(_account), Some(resource)) = (
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        return Some(("", ""));
    };
    if partition == "aws" || partition.starts_with("aws-") {
        Some((service, resource))
    } else {
        Some(("", ""))
    }
}
