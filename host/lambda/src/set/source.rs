//! Where a policy set comes from.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use signalbox_aws::{Object, S3Objects};

use super::manifest::MANIFEST_MAX;

/// A place that holds a manifest and the files that it names.
#[async_trait]
pub trait Source: Send + Sync {
    /// The place, for people.
    fn place(&self) -> String;

    /// The manifest, if it is another one than `tag` stands for.
    ///
    /// # Errors
    /// It cannot be had.
    async fn manifest(&self, tag: Option<&str>) -> Result<Option<Fetched>, FetchError>;

    /// A file that the manifest names and pins by its SHA-256 (hexadecimal), of at most so many bytes. A place that keeps
    /// files under names need not look at the digest: whoever asks checks it.
    ///
    /// # Errors
    /// It cannot be had.
    async fn file(&self, name: &str, sha256: &str, most: usize) -> Result<Vec<u8>, FetchError>;
}

/// A manifest as it was found, nothing of it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its text, signatures included.
    pub bytes: Vec<u8>,
    /// What tells this content from another, if the place says so.
    pub tag: Option<String>,
}

/// Something cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be fetched: {reason}")]
pub struct FetchError {
    /// What.
    pub what: String,
    /// Why not.
    pub reason: String,
}

/// A folder.
#[derive(Debug, Clone)]
pub struct FileSource {
    manifest: PathBuf,
}

impl FileSource {
    /// The set of the manifest in this file.
    #[must_use]
    pub fn new(manifest: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
        }
    }
}

#[async_trait]
impl Source for FileSource {
    fn place(&self) -> String {
        self.manifest.display().to_string()
    }

    async fn manifest(&self, tag: Option<&str>) -> Result<Option<Fetched>, FetchError> {
        let bytes = read(&self.manifest, MANIFEST_MAX).await?;
        // A file's time may stay when its content changes; its content may not.
        let found = signalbox_policy::digest::hex(&bytes);
        Ok((tag != Some(found.as_str())).then_some(Fetched {
            bytes,
            tag: Some(found),
        }))
    }

    async fn file(&self, name: &str, _: &str, most: usize) -> Result<Vec<u8>, FetchError> {
        read(&self.manifest.with_file_name(name), most).await
    }
}

async fn read(path: &Path, most: usize) -> Result<Vec<u8>, FetchError> {
    let failed = |reason: String| FetchError {
        what: path.display().to_string(),
        reason,
    };
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        std::fs::File::open(owned)?
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    });
    match read.await {
        Ok(Ok(bytes)) if bytes.len() > most => {
            Err(failed(format!("it is longer than {most} bytes")))
        }
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// A bucket of Amazon S3.
#[derive(Debug)]
pub struct S3Source {
    objects: S3Objects,
    bucket: String,
    key: String,
}

impl S3Source {
    /// The set of the manifest under this key.
    #[must_use]
    pub fn new(objects: S3Objects, bucket: &str, key: &str) -> Self {
        Self {
            objects,
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        }
    }

    async fn get(
        &self,
        key: &str,
        tag: Option<&str>,
        most: usize,
    ) -> Result<Option<Object>, FetchError> {
        self.objects
            .get(&self.bucket, key, tag, most)
            .await
            .map_err(|error| FetchError {
                what: format!("s3://{}/{key}", self.bucket),
                reason: error.to_string(),
            })
    }
}

#[async_trait]
impl Source for S3Source {
    fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    async fn manifest(&self, tag: Option<&str>) -> Result<Option<Fetched>, FetchError> {
        let object = self.get(&self.key, tag, MANIFEST_MAX).await?;
        Ok(object.map(|object| Fetched {
            bytes: object.bytes,
            tag: object.etag,
        }))
    }

    async fn file(&self, name: &str, _: &str, most: usize) -> Result<Vec<u8>, FetchError> {
        let folder = self.key.rsplit_once('/').map(|(folder, _)| folder);
        let key = folder.map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"));
        match self.get(&key, None, most).await? {
            Some(object) => Ok(object.bytes),
            None => Err(FetchError {
                what: format!("s3://{}/{key}", self.bucket),
                reason: "it is said to be unchanged, and nobody asked that".to_owned(),
            }),
        }
    }
}
