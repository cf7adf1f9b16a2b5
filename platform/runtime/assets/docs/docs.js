// Shows one contract's document. What is tried out goes to this host: with the token that was entered, or, when none
// was, with the session of whoever is signed in here; never with both, which the API refuses.
const contract = document.body.dataset.contract;
document.querySelector("#contract").addEventListener("change", (event) => event.target.form.submit());

const oneCredential = (request) => {
  const token = Object.keys(request.headers ?? {}).some((name) => name.toLowerCase() === "authorization");
  request.credentials = token ? "omit" : "same-origin";
  return request;
};

SwaggerUIBundle({
  url: `/docs/${contract}.json`,
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: oneCredential,
});
