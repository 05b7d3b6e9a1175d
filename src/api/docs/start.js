// start.js -- shows the description of the API this very program serves; asks nobody else for anything.
window.ui = window.SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#page',
  layout: 'BaseLayout',
  presets: [window.SwaggerUIBundle.presets.apis],
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  persistAuthorization: false, // an API key is gone with the page
  validatorUrl: null, // the badge would send the description to a stranger
});
