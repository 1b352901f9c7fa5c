//! Limits of a policy, and the ceilings over them.

use signalbox_policy::Limits;

use super::file::LimitsFile;

const MIB: usize = 1024 * 1024;

/// One limit as the file names it.
struct Limit {
    key: &'static str,
    /// The greatest value that makes sense.
    most: i64,
    read: fn(&LimitsFile) -> Option<i64>,
    default: fn(&Limits) -> i64,
    write: fn(&mut Limits, i64),
}

/// The limits that a file can set. `most` is what AWS Lambda (15 minutes, 10,240 MB) or a 32-bit memory allows;
/// for counts it is a bound against slips of the pen.
const LIMITS: [Limit; 8] = [
    Limit {
        key: "guest_time_ms",
        most: 900_000,
        read: |file| file.guest_time_ms,
        default: |limits| signed(limits.guest_time_ms),
        write: |limits, value| limits.guest_time_ms = unsigned(value),
    },
    Limit {
        key: "memory_mib",
        most: 4_096,
        read: |file| file.memory_mib,
        default: |limits| signed(limits.memory / MIB),
        write: |limits, value| limits.memory = unsigned::<usize>(value).saturating_mul(MIB),
    },
    Limit {
        key: "component_mib",
        most: 1_024,
        read: |file| file.component_mib,
        default: |limits| signed(limits.component / MIB),
        write: |limits, value| limits.component = unsigned::<usize>(value).saturating_mul(MIB),
    },
    Limit {
        key: "host_calls",
        most: 100_000,
        read: |file| file.host_calls,
        default: |limits| signed(limits.host_calls),
        write: |limits, value| limits.host_calls = unsigned(value),
    },
    Limit {
        key: "instances",
        most: 10_000,
        read: |file| file.instances,
        default: |limits| signed(limits.instances),
        write: |limits, value| limits.instances = unsigned(value),
    },
    Limit {
        key: "tables",
        most: 10_000,
        read: |file| file.tables,
        default: |limits| signed(limits.tables),
        write: |limits, value| limits.tables = unsigned(value),
    },
    Limit {
        key: "table_elements",
        most: 10_000_000,
        read: |file| file.table_elements,
        default: |limits| signed(limits.table_elements),
        write: |limits, value| limits.table_elements = unsigned(value),
    },
    Limit {
        key: "log_lines",
        most: 100_000,
        read: |file| file.log_lines,
        default: |limits| signed(limits.log_lines),
        write: |limits, value| limits.log_lines = unsigned(value),
    },
];

fn signed(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

fn unsigned<T: TryFrom<i64> + Default>(value: i64) -> T {
    T::try_from(value).unwrap_or_default()
}

/// Checks values by themselves: those of a policy as well as ceilings.
pub(super) fn check_range(file: &LimitsFile, note: &mut impl FnMut(&str, String)) {
    for limit in &LIMITS {
        if let Some(value) = (limit.read)(file).filter(|value| !(1..=limit.most).contains(value)) {
            note(
                limit.key,
                format!("{value} is out of range: 1 to {}", limit.most),
            );
        }
    }
}

/// The limits of a policy: what it sets, else the default, and never above a ceiling. A policy that asks for more
/// than a ceiling is refused, a default that is above one is lowered to it.
pub(crate) fn check(
    file: LimitsFile,
    ceilings: LimitsFile,
    note: &mut impl FnMut(&str, String),
) -> Limits {
    check_range(&file, note);
    let mut limits = Limits::default();
    for limit in &LIMITS {
        let ceiling = (limit.read)(&ceilings);
        let value = match ((limit.read)(&file), ceiling) {
            (Some(value), Some(ceiling)) if value > ceiling => {
                note(
                    limit.key,
                    format!(
                        "{value} is above the ceiling: ceilings.{} is {ceiling}",
                        limit.key
                    ),
                );
                continue;
            }
            (Some(value), _) => value,
            (None, Some(ceiling)) if (limit.default)(&limits) > ceiling => ceiling,
            (None, _) => continue,
        };
        (limit.write)(&mut limits, value);
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_all(file: LimitsFile, ceilings: LimitsFile) -> (Limits, Vec<String>) {
        let mut notes = Vec::new();
        let limits = check(file, ceilings, &mut |key, message| {
            notes.push(format!("{key}: {message}"))
        });
        (limits, notes)
    }

    #[test]
    fn what_is_not_set_is_the_default_or_the_ceiling_below_it() {
        let (limits, notes) = check_all(LimitsFile::default(), LimitsFile::default());
        assert_eq!(
            (limits, notes.as_slice()),
            (Limits::default(), [].as_slice())
        );
        let (limits, _) = check_all(
            LimitsFile::default(),
            LimitsFile {
                memory_mib: Some(8),
                ..LimitsFile::default()
            },
        );
        assert_eq!(
            limits,
            Limits {
                memory: 8 * MIB,
                ..Limits::default()
            }
        );
        let (limits, _) = check_all(
            LimitsFile::default(),
            LimitsFile {
                host_calls: Some(90_000),
                ..LimitsFile::default()
            },
        );
        assert_eq!(limits, Limits::default(), "a ceiling raises nothing");
    }

    #[test]
    fn every_key_sets_its_own_limit() {
        let file = LimitsFile {
            guest_time_ms: Some(1),
            memory_mib: Some(2),
            component_mib: Some(3),
            host_calls: Some(4),
            instances: Some(5),
            tables: Some(6),
            table_elements: Some(7),
            log_lines: Some(8),
        };
        let (limits, notes) = check_all(file, LimitsFile::default());
        let wanted = Limits {
            guest_time_ms: 1,
            memory: 2 * MIB,
            component: 3 * MIB,
            host_calls: 4,
            instances: 5,
            tables: 6,
            table_elements: 7,
            log_lines: 8,
            ..Limits::default()
        };
        assert_eq!((limits, notes.as_slice()), (wanted, [].as_slice()));
    }

    #[test]
    fn out_of_range_and_above_a_ceiling() {
        let file = LimitsFile {
            guest_time_ms: Some(0),
            memory_mib: Some(65),
            ..LimitsFile::default()
        };
        let ceilings = LimitsFile {
            memory_mib: Some(64),
            ..LimitsFile::default()
        };
        let (_, notes) = check_all(file, ceilings);
        assert_eq!(
            notes,
            [
                "guest_time_ms: 0 is out of range: 1 to 900000",
                "memory_mib: 65 is above the ceiling: ceilings.memory_mib is 64",
            ]
        );
    }
}
