//! Starts that wait for room on their target, where the caller asks for that.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{
    services::EventServices,
    start::{Asked, Before, CLOSING_TIME},
};
use crate::{
    ids::digest,
    ports::{ServiceErrorKind, StartStatement},
};

/// Pause before the next try, at first; doubled each time.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

impl EventServices {
    /// Asks Redshift for a start. If it has no room, or throttles, and the caller waits for that, asks again within the time of
    /// the event.
    pub(super) async fn ask_for_room(&self, target: &str, request: &StartStatement) -> Asked {
        let mut asked = self.ask_redshift(target, request, Before::Nothing).await;
        let mut request = request.clone();
        let mut pause = PAUSE;
        while self.wait_when_busy
            && let Asked::Refused(error) = &asked
            && matches!(
                error.kind,
                ServiceErrorKind::Limit | ServiceErrorKind::Throttled
            )
        {
            let wake = Instant::now() + pause;
            if wake + CLOSING_TIME >= self.deadline() {
                break;
            }
            tracing::info!(
                target,
                code = error.code,
                "the target is busy; the start is tried again"
            );
            sleep_until(wake).await;
            // It is another request, which the service may answer otherwise; the one before had no effect.
            request.client_token = digest(&["another try", &request.client_token]);
            asked = self.ask_redshift(target, &request, Before::Nothing).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        asked
    }
}
