//! What is not an operation: the brand's style sheet and pictures, and the file of an export.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, header, request::Parts};
use tessera_contract::{Authenticate, ContractError, Failure, FailureKind, Problem, sent_request_id};
use tessera_contract_tenancy::{
    GetBrand, GetExport, Tenancy, TenancyError, TenancyPlatform, tenancy_platform_operations,
};
use tessera_runtime::edge::TenantOfHost;
use tessera_types::{ExportId, TenantId};

use crate::{BrandService, PlatformService, store, style};

/// For what never changes under its address.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// An SVG that somebody opens by itself still runs nothing and loads nothing.
const PICTURE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

impl BrandService {
    /// The routes below the mount `tenancy`: `/brand.css` and `/pictures/{digest}`, at every tenant's host.
    pub fn router(self: Arc<Self>, tenants: Arc<dyn TenantOfHost>) -> Router {
        Router::new()
            .route("/brand.css", get(sheet))
            .route("/pictures/{digest}", get(picture))
            .with_state((self, tenants))
    }
}

impl PlatformService {
    /// The route below the mount `tenancy` that exports are fetched by.
    pub fn router(self: Arc<Self>, authenticate: Arc<dyn Authenticate>) -> Router {
        Router::new()
            .route("/v1/tenants/{tenant_id}/exports/{export_id}/file", get(file))
            .with_state((self, authenticate))
    }
}

type Brands = (Arc<BrandService>, Arc<dyn TenantOfHost>);

async fn sheet(State((brands, tenants)): State<Brands>, RawQuery(query): RawQuery, request: Request) -> Response {
    let head = request.into_parts().0;
    let answer = async {
        let cx = tenants.visitor(&head).await?;
        let brand = brands.get_brand(&cx, GetBrand {}).await?;
        let named = query.as_deref() == Some(&format!("v={}", brand.version));
        let kept = if named { FOR_EVER } else { "no-cache" };
        let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, kept)];
        Ok((headers, style::sheet(&brand.colours)).into_response())
    };
    answered(&head, answer.await)
}

async fn picture(State((brands, tenants)): State<Brands>, Path(digest): Path<String>, request: Request) -> Response {
    let head = request.into_parts().0;
    let answer = async {
        let cx = tenants.visitor(&head).await?;
        let found = store::picture(&brands.store.tenant(&cx), &digest).await?;
        let (media_type, content) = found.ok_or_else(|| {
            Failure::new(FailureKind::NotFound, "there is no such picture; it may have been replaced")
        })?;
        let kind = HeaderValue::from_str(&media_type).map_err(|e| Failure::internal("naming a picture's type", e))?;
        let headers = [
            (header::CONTENT_TYPE, kind),
            (header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER)),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PICTURE_POLICY)),
        ];
        Ok((headers, content).into_response())
    };
    answered(&head, answer.await)
}

type Platform = (Arc<PlatformService>, Arc<dyn Authenticate>);

async fn file(
    State((platform, authenticate)): State<Platform>,
    Path((tenant_id, export_id)): Path<(TenantId, ExportId)>,
    request: Request,
) -> Response {
    let head = request.into_parts().0;
    let answer = async {
        let operation = tenancy_platform_operations::GET_EXPORT.info();
        let cx = authenticate.authenticate(&head, operation.contract).await?.cx;
        operation.authorize(&cx)?;
        let asked = GetExport { tenant_id: tenant_id.clone(), export_id };
        let export = platform.get_export(&cx, asked).await?;
        if export.file_url.is_none() {
            let why = format!("the export {} is not ready; ask how far it is and try again then", export.export_id);
            return Err(TenancyError::ExportNotFound(why));
        }
        let blobs = platform.deps.blobs.tenant(&tenant_id);
        let (size, stream) = blobs.get_stream(&PlatformService::blob(&export.export_id)?).await?;
        let name = format!("attachment; filename=\"{tenant_id}-{}.jsonl\"", export.export_id);
        let name = HeaderValue::from_str(&name).map_err(|e| Failure::internal("naming an export's file", e))?;
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/jsonl")),
            (header::CONTENT_LENGTH, HeaderValue::from(size)),
            (header::CONTENT_DISPOSITION, name),
            (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
        ];
        Ok((headers, Body::from_stream(stream)).into_response())
    };
    answered(&head, answer.await)
}

fn answered(head: &Parts, answer: Result<Response, TenancyError>) -> Response {
    answer.unwrap_or_else(|error| {
        if error.status() >= 500 {
            tracing::error!(code = error.code(), "{error}");
        }
        Problem::of(&error, &sent_request_id(&head.headers)).into_response()
    })
}
