use std::sync::Mutex;

use async_trait::async_trait;
use signalbox_tasker::ports::{CustomResources, ResponseUrl, SendError};

/// CloudFormation: the first response that is taken counts, and others are taken too.
#[derive(Default)]
pub struct FakeCustomResources {
    sent: Mutex<Vec<(String, String)>>,
    /// What the next sends get instead, and whether the response is taken all the same.
    pub faults: Mutex<Vec<(SendError, bool)>>,
    taken: Mutex<Vec<(String, String)>>,
}

impl FakeCustomResources {
    /// All that was sent to an address.
    pub fn sent(&self, url: &str) -> Vec<String> {
        of(&self.sent, url)
    }

    /// All that was taken at an address.
    pub fn taken(&self, url: &str) -> Vec<String> {
        of(&self.taken, url)
    }
}

fn of(list: &Mutex<Vec<(String, String)>>, url: &str) -> Vec<String> {
    let list = list.lock().unwrap();
    list.iter()
        .filter(|(to, _)| to == url)
        .map(|(_, response)| response.clone())
        .collect()
}

#[async_trait]
impl CustomResources for FakeCustomResources {
    fn check(&self, url: &ResponseUrl) -> Result<(), String> {
        if url.reveal().starts_with("https://responses.example/") {
            Ok(())
        } else {
            Err("it is another host".to_owned())
        }
    }

    async fn respond(&self, url: &ResponseUrl, response: &str) -> Result<(), SendError> {
        let sent = (url.reveal().to_owned(), response.to_owned());
        self.sent.lock().unwrap().push(sent.clone());
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            (!faults.is_empty()).then(|| faults.remove(0))
        };
        match fault {
            Some((error, false)) => Err(error),
            Some((error, true)) => {
                self.taken.lock().unwrap().push(sent);
                Err(error)
            }
            None => {
                self.taken.lock().unwrap().push(sent);
                Ok(())
            }
        }
    }
}
