//! Resumable uploads: tus 1.0.0 with creation, creation-with-upload, termination, expiration and checksum
//! (<https://tus.io/protocols/resumable-upload>), below `/v1/uploads`.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{OriginalUri, Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts},
    routing::any,
};
use tessera_contract::{Authenticate, Caller, ContractError, Cx, Failure, FailureKind, Problem, sent_request_id};
use tessera_types::{Timestamp, UploadId};

use crate::{
    MediaService,
    store::Upload,
    tus::{self, Checksum},
    uploads::{Hold, UploadError, Uploads},
};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,termination,expiration,checksum";
const CHUNK: &str = "application/offset+octet-stream";
const SCOPE: &str = "media:write";

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

#[derive(Clone)]
struct Tus {
    uploads: Arc<Uploads>,
    authenticate: Arc<dyn Authenticate>,
}

type Answer = Result<Response<Body>, UploadError>;

impl MediaService {
    /// The tus routes, below the mount `media`: `/v1/uploads` and `/v1/uploads/{upload_id}`.
    pub fn router(&self, authenticate: Arc<dyn Authenticate>) -> Router {
        Router::new()
            .route("/v1/uploads", any(collection))
            .route("/v1/uploads/{upload_id}", any(member))
            .with_state(Tus { uploads: self.uploads.clone(), authenticate })
    }
}

async fn collection(State(tus): State<Tus>, OriginalUri(uri): OriginalUri, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let outcome = match method(&head) {
        Method::OPTIONS => Ok(tus.capabilities()),
        Method::POST => match tus.caller(&head).await {
            Ok(cx) => tus.create(cx, uri.path(), &head.headers, body).await,
            Err(error) => Err(error),
        },
        other => Err(wrong_method(&other)),
    };
    finished(outcome, &head.headers)
}

async fn member(State(tus): State<Tus>, Path(id): Path<String>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let method = method(&head);
    let outcome = match method {
        Method::OPTIONS => Ok(tus.capabilities()),
        Method::HEAD | Method::PATCH | Method::DELETE => match tus.addressed(&head, &id).await {
            Ok((cx, id)) if method == Method::HEAD => tus.tell(&cx, &id).await,
            Ok((cx, id)) if method == Method::PATCH => tus.append(cx, id, &head.headers, body).await,
            Ok((cx, id)) => tus.terminate(&cx, &id).await,
            Err(error) => Err(error),
        },
        other => Err(wrong_method(&other)),
    };
    finished(outcome, &head.headers)
}

impl Tus {
    fn capabilities(&self) -> Response<Body> {
        let mut response = empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        headers.insert(TUS_VERSION, HeaderValue::from_static(VERSION));
        headers.insert(TUS_EXTENSION, HeaderValue::from_static(EXTENSIONS));
        headers.insert(TUS_ALGORITHM, HeaderValue::from_static(tus::ALGORITHMS));
        headers.insert(TUS_MAX_SIZE, HeaderValue::from(self.uploads.max_bytes()));
        response
    }

    /// Who calls, in which version of tus.
    async fn caller(&self, head: &Parts) -> Result<Cx, UploadError> {
        if text(&head.headers, &TUS_RESUMABLE) != Some(VERSION) {
            let detail = format!("send Tus-Resumable: {VERSION}, the version spoken here");
            return Err(UploadError::VersionUnsupported(detail));
        }
        let cx = self.authenticate.authenticate(head, "media").await?.cx;
        match &cx.caller {
            caller if caller.has_scope(SCOPE) => Ok(cx),
            Caller::Anonymous => Err(Failure::new(FailureKind::Unauthenticated, "an upload wants a credential").into()),
            Caller::Staff { .. } | Caller::Viewer { .. } | Caller::Service { .. } => {
                Err(Failure::new(FailureKind::Forbidden, format!("an upload wants the scope {SCOPE}")).into())
            }
        }
    }

    async fn addressed(&self, head: &Parts, id: &str) -> Result<(Cx, UploadId), UploadError> {
        let cx = self.caller(head).await?;
        let id: UploadId =
            id.parse().map_err(|e: tessera_types::IdError| Failure::invalid("upload_id", e.to_string()))?;
        id.expect_minted().map_err(|e| Failure::invalid("upload_id", e.to_string()))?;
        Ok((cx, id))
    }

    async fn create(&self, cx: Cx, path: &str, headers: &HeaderMap, body: Body) -> Answer {
        let length = number(headers, &UPLOAD_LENGTH)?;
        let metadata = text(headers, &UPLOAD_METADATA).unwrap_or_default();
        if !tus::is_metadata(metadata) {
            let detail = "Upload-Metadata is keys with Base64 values between commas, at most 4096 bytes";
            return Err(Failure::invalid("Upload-Metadata", detail).into());
        }
        let with_upload = is_chunk(headers);
        let announced = announced(headers)?;
        if !with_upload && announced != Some(0) {
            return Err(not_a_chunk());
        }
        check_fits(announced.unwrap_or(0), length)?;
        let checksum = checksum(headers)?;
        let mut upload = self.uploads.create(&cx, length, metadata.to_owned()).await?;
        if with_upload {
            let hold = self.uploads.hold(&cx, &upload.upload_id)?;
            upload = self.receive(cx, hold, upload.upload_id, 0, checksum, body).await?;
        }
        let mut response = empty(StatusCode::CREATED);
        let location = format!("{}/{}", path.trim_end_matches('/'), upload.upload_id);
        let location = HeaderValue::try_from(location).map_err(|e| Failure::internal("writing Location", e))?;
        response.headers_mut().insert(header::LOCATION, location);
        stand(&mut response, &upload);
        Ok(response)
    }

    async fn tell(&self, cx: &Cx, id: &UploadId) -> Answer {
        let upload = self.uploads.get(cx, id).await?;
        let mut response = empty(StatusCode::OK);
        stand(&mut response, &upload);
        response.headers_mut().insert(UPLOAD_LENGTH, HeaderValue::from(upload.length()));
        if let Ok(metadata) = HeaderValue::from_str(&upload.metadata)
            && !upload.metadata.is_empty()
        {
            response.headers_mut().insert(UPLOAD_METADATA, metadata);
        }
        Ok(response)
    }

    async fn append(&self, cx: Cx, id: UploadId, headers: &HeaderMap, body: Body) -> Answer {
        if !is_chunk(headers) {
            return Err(not_a_chunk());
        }
        let offset = number(headers, &UPLOAD_OFFSET)?;
        let checksum = checksum(headers)?;
        let hold = self.uploads.hold(&cx, &id)?;
        if let Some(announced) = announced(headers)? {
            let upload = self.uploads.get(&cx, &id).await?;
            check_fits(offset.saturating_add(announced), upload.length())?;
        }
        let upload = self.receive(cx, hold, id, offset, checksum, body).await?;
        let mut response = empty(StatusCode::NO_CONTENT);
        stand(&mut response, &upload);
        Ok(response)
    }

    async fn terminate(&self, cx: &Cx, id: &UploadId) -> Answer {
        let _hold = self.uploads.hold(cx, id)?;
        self.uploads.terminate(cx, id).await?;
        Ok(empty(StatusCode::NO_CONTENT))
    }

    /// Takes the body in a task of its own: a client that goes away must not keep what it sent from being stored.
    async fn receive(
        &self,
        cx: Cx,
        hold: Hold,
        id: UploadId,
        offset: u64,
        checksum: Option<Checksum>,
        body: Body,
    ) -> Result<Upload, UploadError> {
        let uploads = self.uploads.clone();
        let receiving = tokio::spawn(async move {
            let _hold = hold;
            uploads.receive(&cx, &id, offset, checksum, body.into_data_stream()).await
        });
        receiving.await.map_err(|e| Failure::internal("receiving an upload", e))?
    }
}

/// The method meant: some clients can only send POST.
fn method(head: &Parts) -> Method {
    let meant = text(&head.headers, &METHOD_OVERRIDE).filter(|_| head.method == Method::POST);
    meant.and_then(|name| Method::from_bytes(name.as_bytes()).ok()).unwrap_or_else(|| head.method.clone())
}

fn wrong_method(method: &Method) -> UploadError {
    Failure::new(FailureKind::MethodNotAllowed, format!("{method} is not a request of tus {VERSION} here")).into()
}

fn not_a_chunk() -> UploadError {
    Failure::new(FailureKind::UnsupportedMediaType, format!("an upload's bytes are sent as {CHUNK}")).into()
}

/// Refuses before the first byte is read what is longer than it may be.
fn check_fits(end: u64, length: u64) -> Result<(), UploadError> {
    match end <= length {
        true => Ok(()),
        false => {
            Err(UploadError::TooLarge(format!("the upload was announced with {length} bytes, the body ends at {end}")))
        }
    }
}

fn is_chunk(headers: &HeaderMap) -> bool {
    text(headers, &header::CONTENT_TYPE).is_some_and(|kind| kind.trim().eq_ignore_ascii_case(CHUNK))
}

fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, UploadError> {
    let Some(sent) = headers.get(UPLOAD_CHECKSUM) else { return Ok(None) };
    let checksum = sent.to_str().ok().and_then(Checksum::parse);
    let detail = format!("Upload-Checksum is one of {} and the checksum in Base64", tus::ALGORITHMS);
    Ok(Some(checksum.ok_or_else(|| Failure::invalid("Upload-Checksum", detail))?))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// How long the body says it is; `None` when it is sent in chunks. A layer around the body may hide its size, so the
/// headers are asked (RFC 9112 §6.3).
fn announced(headers: &HeaderMap) -> Result<Option<u64>, UploadError> {
    match (headers.contains_key(header::CONTENT_LENGTH), headers.contains_key(header::TRANSFER_ENCODING)) {
        (true, _) => number(headers, &header::CONTENT_LENGTH).map(Some),
        (false, true) => Ok(None),
        (false, false) => Ok(Some(0)),
    }
}

/// A number of bytes: digits and nothing else.
fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, UploadError> {
    let digits = text(headers, name).filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    Ok(number.ok_or_else(|| Failure::invalid(name.as_str(), format!("the header {name} is a number of bytes")))?)
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// How far the upload is, and how long it is kept.
fn stand(response: &mut Response<Body>, upload: &Upload) {
    let headers = response.headers_mut();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(upload.received()));
    if upload.asset_id.is_none()
        && let Ok(date) = HeaderValue::try_from(http_date(upload.expires_at()))
    {
        headers.insert(UPLOAD_EXPIRES, date);
    }
}

/// An instant as HTTP writes it (RFC 9110 §5.6.7).
fn http_date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = Timestamp::from_micros(at.as_seconds() * 1_000_000).to_string();
    let day = DAYS[at.as_seconds().div_euclid(86_400).rem_euclid(7) as usize];
    let month = text.get(5..7).and_then(|month| month.parse::<usize>().ok()).unwrap_or(1);
    let part = |range| text.get(range).unwrap_or_default();
    format!("{day}, {} {} {} {} GMT", part(8..10), MONTHS[(month - 1) % 12], part(0..4), part(11..19))
}

/// The answer with what every answer has.
fn finished(outcome: Answer, request: &HeaderMap) -> Response<Body> {
    let request_id = sent_request_id(request);
    let mut response = outcome.unwrap_or_else(|error| refused(&error, &request_id));
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, HeaderValue::from_static(VERSION));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert("x-request-id", id);
    }
    response
}

fn refused(error: &UploadError, request_id: &str) -> Response<Body> {
    if error.status() >= 500 {
        let cause = std::error::Error::source(error).and_then(|e| e.source()).map(ToString::to_string);
        tracing::error!(request_id, cause, "{error}");
    }
    let mut response = Problem::of(error, request_id).into_response();
    if matches!(error, UploadError::VersionUnsupported(_)) {
        response.headers_mut().insert(TUS_VERSION, HeaderValue::from_static(VERSION));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_an_http_date() {
        let at: Timestamp = "2014-06-25T16:00:00.5Z".parse().unwrap();
        assert_eq!(http_date(at), "Wed, 25 Jun 2014 16:00:00 GMT");
    }
}
