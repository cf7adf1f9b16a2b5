// Shows one contract's document. What is tried out goes to this host: with the token that was entered, or, when none
// was, with the session of whoever is signed in here; never with both, which the API refuses.
const contract = document.body.dataset.contract;
document.querySelector("#contract").addEventListener("change", (event) => event.target.form.submit());

const oneCredential = (request) => {
  const token = Object.keys(request.headers ?? {}).some((name) => name.toLowerCase() === "authorization");
  request.credentials = token ? "omit" : "same-origin";
  return request;
};

const show = (spec) => {
  // JSON Schema 2020-12, which OpenAPI 3.1 builds on; Swagger UI warns of any dialect that is named.
  delete spec.jsonSchemaDialect;
  SwaggerUIBundle({
    spec,
    dom_id: "#reference",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: oneCredential,
  });
};

fetch(`/docs/${contract}.json`)
  .then((response) => (response.ok ? response.json() : Promise.reject(new Error(`status ${response.status}`))))
  .then(show)
  .catch((error) => {
    document.querySelector("#reference").textContent = `The document of ${contract} could not be read: ${error.message}.`;
  });
