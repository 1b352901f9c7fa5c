//! What a definition takes from the data: by JSONPath with its intrinsic functions, or by JSONata.

mod digests;
mod functions;
mod intrinsics;
mod jsonata;
mod paths;
mod template;
mod values;

pub(crate) use jsonata::Expression;
pub(crate) use paths::Path;
pub(crate) use template::Template;

use super::error::StateError;
use intrinsics::Call;
use serde_json::{Map, Value};

/// A part of a whole, from none to almost all of it, by chance.
pub(crate) fn jitter() -> f64 {
    digests::fraction(None)
}

/// How a state writes what it takes from the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    JsonPath,
    Jsonata,
}

/// The values that `Assign` has given to names.
pub(crate) type Variables = Map<String, Value>;

/// What a query can see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'v> {
    /// `$` of JSONPath, `$states.input` of JSONata.
    pub(crate) data: &'v Value,
    /// `$$`, or `$states.context`.
    pub(crate) context: &'v Value,
    /// `$states.result` or `$states.errorOutput`, where there is one.
    pub(crate) outcome: Option<(&'static str, &'v Value)>,
    /// Variables of JSONata.
    pub(crate) variables: &'v Variables,
}

impl<'v> Scope<'v> {
    /// The same scope with the state's result in it.
    pub(crate) fn with_result(self, result: &'v Value) -> Self {
        Self {
            outcome: Some(("result", result)),
            ..self
        }
    }

    /// The same scope with the error that was caught.
    pub(crate) fn with_error(self, error: &'v Value) -> Self {
        Self {
            outcome: Some(("errorOutput", error)),
            ..self
        }
    }
}

/// Why a query has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Miss {
    /// A path leads nowhere.
    Path(String),
    /// An intrinsic function cannot work with its arguments.
    Intrinsic(String),
    /// A JSONata expression has no value, or its evaluation failed.
    Expression(String),
}

impl Miss {
    /// This path leads nowhere.
    pub(crate) fn path(path: &Path) -> Self {
        Self::Path(format!("the path '{path}' is not in the input"))
    }

    /// The error of a state in whose `Parameters` or `ResultSelector` this happened.
    pub(crate) fn in_template(self) -> StateError {
        self.error("States.ParameterPathFailure")
    }

    /// The error of a state in one of whose other fields this happened.
    pub(crate) fn in_field(self) -> StateError {
        self.error("States.Runtime")
    }

    fn error(self, of_path: &str) -> StateError {
        match self {
            Self::Path(reason) => StateError::new(of_path, reason),
            Self::Intrinsic(reason) => StateError::new("States.IntrinsicFailure", reason),
            Self::Expression(reason) => StateError::new("States.QueryEvaluationError", reason),
        }
    }
}

/// One value that is taken from the data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Query {
    Path(Path),
    Call(Call),
    Expression(Expression),
}

impl Query {
    /// Reads what stands behind a name that ends in `.$` or `Path`.
    pub(crate) fn json_path(text: &str) -> Result<Self, String> {
        if text.starts_with("States.") {
            Call::parse(text).map(Self::Call)
        } else {
            Path::parse(text).map(Self::Path)
        }
    }

    /// The value.
    pub(crate) fn value(&self, scope: &Scope<'_>) -> Result<Value, Miss> {
        match self {
            Self::Path(path) => path
                .find(scope.data, scope.context)
                .cloned()
                .ok_or_else(|| Miss::path(path)),
            Self::Call(call) => call.value(scope),
            Self::Expression(expression) => expression.value(scope),
        }
    }
}
