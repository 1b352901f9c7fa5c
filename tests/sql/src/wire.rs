//! A client that writes all messages of a probe at once and reads the answers to them at once.

use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A row, each value as text.
pub type Row = Vec<Option<String>>;

/// What came before one ReadyForQuery.
#[derive(Debug, Default, Clone)]
pub struct Answer {
    /// Rows.
    pub rows: Vec<Row>,
    /// Command tags, one for each command that ended.
    pub tags: Vec<String>,
    /// Whether a statement was parsed.
    pub parsed: bool,
    /// The error's code and text.
    pub error: Option<(String, String)>,
    /// `I` outside a transaction, `T` in one, `E` in one that failed.
    pub status: u8,
}

/// A session.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    incoming: BytesMut,
    outgoing: BytesMut,
    syncs: usize,
}

impl Connection {
    /// Opens a session. Nobody has a password here.
    pub fn open(
        socket: &Path,
        user: &str,
        database: &str,
        options: &[(&str, &str)],
    ) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut connection = Self {
            stream,
            incoming: BytesMut::with_capacity(64 * 1024),
            outgoing: BytesMut::with_capacity(16 * 1024),
            syncs: 1,
        };
        let parameters = [("user", user), ("database", database)]
            .into_iter()
            .chain(options.iter().copied());
        frontend::startup_message(parameters, &mut connection.outgoing)?;
        let answers = connection.send()?;
        match answers.into_iter().next().and_then(|answer| answer.error) {
            Some((_, text)) => Err(io::Error::other(text)),
            None => Ok(connection),
        }
    }

    /// Adds a simple query.
    pub fn query(&mut self, sql: &str) -> io::Result<()> {
        self.syncs += 1;
        frontend::query(sql, &mut self.outgoing)
    }

    /// Adds the preparation of a statement.
    pub fn parse(&mut self, name: &str, sql: &str) -> io::Result<()> {
        frontend::parse(name, sql, [], &mut self.outgoing)
    }

    /// Adds a run of a prepared statement, to at most so many rows.
    pub fn run(&mut self, name: &str, rows: i32) -> io::Result<()> {
        let none: [(); 0] = [];
        frontend::bind(
            "",
            name,
            [],
            none,
            |(), _| Ok(IsNull::Yes),
            [],
            &mut self.outgoing,
        )
        .map_err(|_| io::Error::other("bind"))?;
        frontend::execute("", rows, &mut self.outgoing)
    }

    /// Ends a group of messages: an error skips the rest of its group.
    pub fn sync(&mut self) {
        self.syncs += 1;
        frontend::sync(&mut self.outgoing);
    }

    /// Sends what was added and reads the answer to each group.
    pub fn send(&mut self) -> io::Result<Vec<Answer>> {
        self.stream.write_all(&self.outgoing)?;
        self.outgoing.clear();
        let mut answers = Vec::with_capacity(self.syncs);
        let mut answer = Answer::default();
        while answers.len() < self.syncs {
            let Some(message) = Message::parse(&mut self.incoming)? else {
                self.fill()?;
                continue;
            };
            match message {
                Message::ReadyForQuery(body) => {
                    answer.status = body.status();
                    answers.push(std::mem::take(&mut answer));
                }
                Message::DataRow(body) => answer.rows.push(row(&body)?),
                Message::CommandComplete(body) => answer.tags.push(body.tag()?.to_owned()),
                Message::ParseComplete => answer.parsed = true,
                Message::ErrorResponse(body) => {
                    let fatal = read_error(&body, &mut answer)?;
                    if fatal {
                        let text = answer.error.map_or_else(String::new, |(_, text)| text);
                        return Err(io::Error::other(text));
                    }
                }
                // The server would take what follows as data.
                Message::CopyInResponse(_) => return Err(io::Error::other("COPY FROM STDIN")),
                _ => {}
            }
        }
        self.syncs = 0;
        Ok(answers)
    }

    /// Runs one simple query that has to succeed.
    pub fn must(&mut self, sql: &str) -> Vec<Row> {
        self.query(sql).expect("a text");
        let answer = self.send().expect("a server").pop().expect("an answer");
        assert!(answer.error.is_none(), "{sql}: {:?}", answer.error);
        answer.rows
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                self.incoming.extend_from_slice(&buffer[..length]);
                Ok(())
            }
        }
    }
}

fn row(body: &postgres_protocol::message::backend::DataRowBody) -> io::Result<Row> {
    use postgres_protocol::message::backend::DataRowRanges;
    let mut row = Vec::new();
    let mut ranges: DataRowRanges<'_> = body.ranges();
    while let Some(range) = fallible(&mut ranges)? {
        row.push(range.map(|range| String::from_utf8_lossy(&body.buffer()[range]).into_owned()));
    }
    Ok(row)
}

fn fallible<I: fallible_iterator::FallibleIterator<Error = io::Error>>(
    iterator: &mut I,
) -> io::Result<Option<I::Item>> {
    iterator.next()
}

/// Reads an error, and says whether it ends the session.
fn read_error(
    body: &postgres_protocol::message::backend::ErrorResponseBody,
    answer: &mut Answer,
) -> io::Result<bool> {
    let (mut code, mut text, mut severity) = (String::new(), String::new(), String::new());
    let mut fields = body.fields();
    while let Some(field) = fallible(&mut fields)? {
        let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => code = value,
            b'M' => text = value,
            b'V' => severity = value,
            _ => {}
        }
    }
    answer.error = Some((code, text));
    Ok(severity == "FATAL" || severity == "PANIC")
}
