//! Custom resources of AWS CloudFormation: what of a request is needed to answer it.

mod response;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signalbox_policy::Answer;

use crate::{ports::ResponseUrl, raised::Raised};

/// The longest id of a stack, request or resource, in bytes as it stands in JSON: the three and the physical id have
/// to leave room in a response. Real ones have less than half of it.
const ID_MAX: usize = 600;
/// The longest physical id, in bytes as it stands in JSON. CloudFormation takes 1,024 bytes.
const PHYSICAL_ID_MAX: usize = 2_050;
/// What the examples of the original tell the stack as physical id where a request failed before the function was
/// asked.
const ORIGINAL_NEVER_MADE: &str = "n/a";
/// The end of the physical id of a resource whose Create did nothing.
const NEVER_MADE: &str = ":not-created";

/// A request for a custom resource, as far as an answer needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomResource {
    /// Where the answer goes; removed when the record is closed.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "url")]
    pub response_url: Option<ResponseUrl>,
    /// `Create`, `Update` or `Delete`.
    pub request_type: String,
    /// The stack's ARN.
    pub stack_id: String,
    /// CloudFormation's id of the request: the same when the request is repeated.
    pub request_id: String,
    /// The resource's name in the template.
    pub logical_resource_id: String,
    /// The id that the resource has already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_resource_id: Option<String>,
    /// The response, once it is decided: the bytes that are sent, however often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

impl CustomResource {
    /// Reads a request; none if it carries no `ResponseURL`.
    ///
    /// # Errors
    /// `InvalidRequest` if it lacks what an answer has to carry: then nobody can be told.
    pub fn of(payload: &Value) -> Result<Option<Self>, Raised> {
        let Some(fields) = payload.as_object() else {
            return Ok(None);
        };
        let url = match fields.get("ResponseURL") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(url)) if !url.is_empty() => url,
            Some(_) => return Err(unanswerable("ResponseURL")),
        };
        let id = |name: &'static str| {
            text(fields, name, ID_MAX)
                .map(str::to_owned)
                .ok_or_else(|| unanswerable(name))
        };
        Ok(Some(Self {
            response_url: Some(ResponseUrl::new(url.clone())),
            request_type: text(fields, "RequestType", ID_MAX)
                .unwrap_or_default()
                .to_owned(),
            stack_id: id("StackId")?,
            request_id: id("RequestId")?,
            logical_resource_id: id("LogicalResourceId")?,
            physical_resource_id: text(fields, "PhysicalResourceId", PHYSICAL_ID_MAX)
                .map(str::to_owned),
            response: None,
        }))
    }

    /// Checks what is needed to serve the request.
    ///
    /// # Errors
    /// `InvalidRequest`, which the stack is told.
    pub fn check(&self) -> Result<(), Raised> {
        match self.request_type.as_str() {
            "Create" => Ok(()),
            "Update" | "Delete" if self.physical_resource_id.is_some() => Ok(()),
            kind @ ("Update" | "Delete") => Err(Raised::invalid(format!(
                "`PhysicalResourceId` must be a text of 1 to 1,024 bytes in a request of type {kind}; pass on the whole \
                 request of CloudFormation"
            ))),
            _ => Err(Raised::invalid(
                "`RequestType` must be `Create`, `Update` or `Delete`; pass on the whole request of CloudFormation",
            )),
        }
    }

    /// Whether this is the removal of a resource whose Create did nothing: there is nothing to remove, and the SQL
    /// that removes it could only do harm.
    #[must_use]
    pub fn never_made(&self) -> bool {
        self.request_type == "Delete"
            && self.physical_resource_id.as_deref().is_some_and(|id| {
                id == ORIGINAL_NEVER_MADE || (id.starts_with("sbx-") && id.ends_with(NEVER_MADE))
            })
    }

    /// The response that says this. `name` is the resource's physical id where it has none; `untouched` says that
    /// nothing was changed in Redshift, which the id of a failed Create then tells its Delete.
    #[must_use]
    pub fn response_to(&self, answer: &Answer, name: &str, untouched: bool) -> String {
        let failed = matches!(answer, Answer::Fail { .. });
        let marked;
        let physical_id = if self.request_type == "Create" && failed && untouched {
            marked = format!("{name}{NEVER_MADE}");
            &marked
        } else {
            self.physical_resource_id.as_deref().unwrap_or(name)
        };
        response::render(self, physical_id, answer)
    }
}

/// A text of 1 to `max` bytes, counted as it stands in JSON.
fn text<'f>(fields: &'f Map<String, Value>, name: &str, max: usize) -> Option<&'f str> {
    let text = fields.get(name)?.as_str()?;
    let length = response::json_length(text);
    (!text.is_empty() && length <= max).then_some(text)
}

fn unanswerable(field: &str) -> Raised {
    Raised::invalid(format!(
        "`{field}` is missing or no text, so CloudFormation cannot be answered: pass on the whole request, with \
         `ResponseURL`, `StackId`, `RequestId` and `LogicalResourceId`"
    ))
}

/// A response URL in the ledger. The only place where one is written down.
mod url {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::ports::ResponseUrl;

    #[allow(clippy::ref_option)] // The form that serde asks for.
    pub(super) fn serialize<S: Serializer>(
        url: &Option<ResponseUrl>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match url {
            Some(url) => serializer.serialize_str(url.reveal()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<ResponseUrl>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(ResponseUrl::new))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "https://bucket.example/key?Signature=SECRET0123456789";

    fn request(kind: &str) -> Value {
        json!({
            "RequestType": kind, "ResponseURL": URL, "StackId": "arn:stack", "RequestId": "r-1",
            "ResourceType": "Custom::Sql", "LogicalResourceId": "Table", "sqlStatement": "select 1"
        })
    }

    fn with_physical(kind: &str, id: &str) -> CustomResource {
        let mut request = request(kind);
        request["PhysicalResourceId"] = json!(id);
        CustomResource::of(&request).unwrap().unwrap()
    }

    #[test]
    fn a_request_is_read_and_its_address_never_shown() {
        let resource = CustomResource::of(&request("Create")).unwrap().unwrap();
        assert_eq!(resource.check(), Ok(()));
        assert!(!format!("{resource:?}").contains("SECRET"));
        assert_eq!(CustomResource::of(&json!({"sqlStatement": "x"})), Ok(None));
    }

    #[test]
    fn what_an_answer_needs_is_asked_for_by_name() {
        for field in ["ResponseURL", "StackId", "RequestId", "LogicalResourceId"] {
            for bad in [json!(7), json!(""), json!("\u{1}".repeat(200))] {
                let mut request = request("Create");
                if field == "ResponseURL" && bad.as_str().is_some_and(|bad| !bad.is_empty()) {
                    continue;
                }
                request[field] = bad;
                let raised = CustomResource::of(&request).unwrap_err();
                assert!(raised.message.contains(field), "{raised}");
                assert!(!raised.message.contains("SECRET"), "{raised}");
            }
        }
    }

    #[test]
    fn an_update_or_delete_needs_the_id_of_what_it_is_about() {
        for kind in ["Update", "Delete", "", "create"] {
            let resource = CustomResource::of(&request(kind)).unwrap().unwrap();
            assert!(resource.check().is_err(), "{kind}");
        }
        assert!(with_physical("Update", "id").check().is_ok());
    }

    #[test]
    fn a_failed_create_is_told_by_its_id_and_only_by_that() {
        let failed = Answer::Fail {
            error: "FAILED".to_owned(),
            cause: String::new(),
        };
        let create = CustomResource::of(&request("Create")).unwrap().unwrap();
        let id_of = |response: &str| {
            let response: Value = serde_json::from_str(response).unwrap();
            response["PhysicalResourceId"].as_str().unwrap().to_owned()
        };
        let never = id_of(&create.response_to(&failed, "sbx-d:1", true));
        assert!(with_physical("Delete", &never).never_made());
        assert!(with_physical("Delete", "n/a").never_made());
        for id in [
            id_of(&create.response_to(&failed, "sbx-d:1", false)).as_str(),
            "Table:1633024800.5",
            "",
            "my-table:not-created",
        ] {
            assert!(!with_physical("Delete", id).never_made(), "{id}");
        }
        assert!(!with_physical("Update", "n/a").never_made());
        let update = with_physical("Update", "mine");
        assert_eq!(
            id_of(&update.response_to(&failed, "sbx-d:1", true)),
            "mine",
            "updates are in place"
        );
    }
}
