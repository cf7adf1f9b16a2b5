//! Brands: reading and changing them.

use std::sync::Arc;

use tessera_contract::{Cx, Failure, FailureKind, async_trait};
use tessera_contract_tenancy::{
    Brand, BrandPicture, DeleteBrandPicture, GetBrand, PictureUse, PutBrand, PutBrandPicture, Tenancy, TenancyError,
    TenancyManagement,
};
use tessera_runtime::edge::Tenants;
use tessera_store::Store;
use tessera_types::TenantId;

use crate::{
    brand::Saying,
    picture::Picture,
    store::{self, PictureRow, Stored},
};

/// The built-in brands.
pub struct BrandService {
    pub(crate) store: Store,
    pub(crate) tenants: Arc<dyn Tenants>,
}

impl BrandService {
    /// Its store: for readiness and upkeep.
    pub fn store(&self) -> &Store {
        &self.store
    }

    async fn brand(&self, cx: &Cx) -> Result<Brand, Failure> {
        let reader = self.store.tenant(cx);
        let (stored, pictures) = (store::brand(&reader).await?, store::pictures(&reader).await?);
        let (saying, updated_at, version) = match stored {
            Some(Stored { saying, updated_at, version }) => (saying, Some(updated_at), version),
            None => (Saying::of_name(self.name(&cx.tenant).await?), None, 0),
        };
        let picture = |purpose| pictures.iter().find(|row| row.picture_use == store::name_of(purpose)).map(shown);
        let Saying { name, colours, support_email, terms_url, privacy_url } = saying;
        Ok(Brand {
            name,
            colours,
            style_url: format!("/tenancy/brand.css?v={version}"),
            logo: picture(PictureUse::Logo),
            favicon: picture(PictureUse::Favicon),
            support_email,
            terms_url,
            privacy_url,
            updated_at,
            version,
        })
    }

    /// What the directory calls the tenant.
    async fn name(&self, tenant: &TenantId) -> Result<String, Failure> {
        let found = self.tenants.by_id(tenant).await?;
        found
            .map(|tenant| tenant.display_name)
            .ok_or_else(|| Failure::new(FailureKind::NotFound, format!("there is no tenant {tenant}")))
    }

    async fn set_picture(&self, cx: &Cx, purpose: PictureUse, picture: Option<Picture>) -> Result<Brand, TenancyError> {
        if let Some(picture) = &picture {
            let there = store::pictures(&self.store.tenant(cx)).await?;
            let same = |row: &PictureRow| row.picture_use == store::name_of(purpose) && row.digest == picture.digest;
            if there.iter().any(same) {
                return Ok(self.brand(cx).await?);
            }
        }
        let input = (Saying::of_name(self.name(&cx.tenant).await?), picture);
        let write = self.store.write(cx, input, move |tx, (unsaid, picture)| {
            Box::pin(async move {
                store::put_picture(tx, purpose, picture.as_ref()).await?;
                let saying = store::brand_in(tx).await?.map(|stored| stored.saying);
                store::put_brand(tx, &saying.unwrap_or_else(|| unsaid.clone())).await
            })
        });
        let written: Result<(), Failure> = write.await;
        written?;
        Ok(self.brand(cx).await?)
    }
}

fn shown(row: &PictureRow) -> BrandPicture {
    let side = |length: i64| u32::try_from(length).unwrap_or(u32::MAX);
    BrandPicture {
        url: format!("/tenancy/pictures/{}", row.digest),
        media_type: row.media_type.clone(),
        width: side(row.width),
        height: side(row.height),
    }
}

#[async_trait]
impl Tenancy for BrandService {
    async fn get_brand(&self, cx: &Cx, _: GetBrand) -> Result<Brand, TenancyError> {
        Ok(self.brand(cx).await?)
    }
}

#[async_trait]
impl TenancyManagement for BrandService {
    async fn put_brand(&self, cx: &Cx, request: PutBrand) -> Result<Brand, TenancyError> {
        let expected = request.expected_version;
        let saying = Saying::checked(request)?;
        let write = self.store.write(cx, saying, move |tx, saying| {
            Box::pin(async move {
                let stored = store::brand_in(tx).await?;
                let current = stored.as_ref().map_or(0, |stored| stored.version);
                match expected {
                    Some(expected) if expected != current => Err(Failure::version_conflict(expected, current)),
                    // The same words again are no change: addresses that caches keep stay good.
                    _ if stored.as_ref().is_some_and(|stored| stored.saying == *saying) => Ok(()),
                    Some(_) | None => store::put_brand(tx, saying).await,
                }
            })
        });
        let written: Result<(), Failure> = write.await;
        written?;
        Ok(self.brand(cx).await?)
    }

    async fn put_brand_picture(&self, cx: &Cx, request: PutBrandPicture) -> Result<Brand, TenancyError> {
        let PutBrandPicture { picture: purpose, data } = request;
        let picture = Picture::sent(purpose, &data)?;
        self.set_picture(cx, purpose, Some(picture)).await
    }

    async fn delete_brand_picture(&self, cx: &Cx, request: DeleteBrandPicture) -> Result<Brand, TenancyError> {
        self.set_picture(cx, request.picture, None).await
    }
}
