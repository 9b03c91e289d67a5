#include "internal.h"

#include <openssl/err.h>

// Mozilla's "intermediate" of 2025: TLS 1.2 and 1.3 with forward secrecy and AEAD, nothing else.
static const char CIPHERS_12[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char CIPHERS_13[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
static const char GROUPS[] = "X25519:P-256:P-384";

static const unsigned char HTTP1[] = "\x08http/1.1";
static const unsigned char HTTP2_AND_1[] = "\x02h2\x08http/1.1";
static const unsigned char HTTP2[] = "\x02h2";

static SSL_CTX *new_context(const SSL_METHOD *method, int min_version) {
    SSL_CTX *ssl = SSL_CTX_new(method);
    if (!ssl) return NULL;
    SSL_CTX_set_security_level(ssl, 2);
    SSL_CTX_set_min_proto_version(ssl, min_version == 3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ssl, 1);
    if (SSL_CTX_set_cipher_list(ssl, CIPHERS_12) && SSL_CTX_set_ciphersuites(ssl, CIPHERS_13)
        && SSL_CTX_set1_groups_list(ssl, GROUPS)) return ssl;
    SSL_CTX_free(ssl);
    return NULL;
}

// ---- Servers ----

// RFC 7301: a list without anything known is answered with the alert that it asks for.
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered,
                           unsigned count, void *argument) {
    (void)ssl;
    const struct weir_tls_context *context = argument;
    const unsigned char *ours = context->options.offers_http2 ? HTTP2_AND_1 : HTTP1;
    unsigned ours_count = context->options.offers_http2 ? sizeof HTTP2_AND_1 - 1 : sizeof HTTP1 - 1;
    int result = SSL_select_next_proto((unsigned char **)chosen, length, ours, ours_count, offered, count);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static const struct weir_name *find_name(const struct weir_tls_context *context, const char *text) {
    int low = 0, high = context->name_count;
    while (low < high) {
        int middle = (low + high) / 2;
        int order = strcasecmp(text, context->names[middle].text);
        if (order == 0) return &context->names[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

static const struct weir_name *match_name(const struct weir_tls_context *context, const char *asked) {
    char wildcard[260] = "*";
    const struct weir_name *found = find_name(context, asked);
    const char *dot = strchr(asked, '.');
    if (found || !dot || dot == asked || strlen(dot) >= sizeof wildcard - 1) return found;
    strcpy(wildcard + 1, dot);
    return find_name(context, wildcard);
}

static int choose_group(SSL *ssl, int *alert, void *argument) {
    (void)alert;
    const struct weir_tls_context *context = argument;
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    const struct weir_name *found = asked ? match_name(context, asked) : NULL;
    if (found && found->group > 0) SSL_set_SSL_CTX(ssl, context->groups[found->group].ssl);
    return asked ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static int staple(SSL *ssl, void *argument) {
    (void)argument;
    const struct weir_tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const X509 *used = SSL_get_certificate(ssl);
    for (int i = 0; i < context->group_count; i++) {
        for (int j = 0; j < context->groups[i].count; j++) {
            const struct weir_certificate *certificate = context->groups[i].certificates[j];
            if (certificate->chain[0] != used || !certificate->ocsp) continue;
            unsigned char *copy = OPENSSL_memdup(certificate->ocsp, certificate->ocsp_count);
            if (!copy) return SSL_TLSEXT_ERR_NOACK;
            SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)certificate->ocsp_count);
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;
}

struct weir_tls_context *weir_tls_server_new(const struct weir_server_options *options) {
    struct weir_tls_context *context = calloc(1, sizeof *context);
    if (!context) return NULL;
    context->references = 1;
    context->options = *options;
    weir_tickets_keep(options->tickets);
    return context;
}

static int verify_clients(SSL_CTX *ssl, const struct weir_server_options *options, const struct weir_trust *trust) {
    if (options->client_certificates == WEIR_CLIENT_OFF) return 1;
    if (!trust) return 0;
    int mode = SSL_VERIFY_PEER;
    if (options->client_certificates == WEIR_CLIENT_REQUIRED) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(ssl, mode, NULL);
    SSL_CTX_set_purpose(ssl, X509_PURPOSE_SSL_CLIENT);
    SSL_CTX_set1_cert_store(ssl, trust->store);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_deep_copy(trust->names, X509_NAME_dup, X509_NAME_free);
    SSL_CTX_set_client_CA_list(ssl, names);
    return names != NULL;
}

static int use_certificate(SSL_CTX *ssl, const struct weir_certificate *certificate) {
    STACK_OF(X509) *rest = sk_X509_new_null();
    if (!rest) return 0;
    int pushed = 1;
    for (int i = 1; i < certificate->chain_count; i++) pushed &= sk_X509_push(rest, certificate->chain[i]) > 0;
    int result = pushed && SSL_CTX_use_cert_and_key(ssl, certificate->chain[0], certificate->key, rest, 1);
    sk_X509_free(rest);
    return result;
}

int weir_tls_server_add(struct weir_tls_context *context, const struct weir_trust *client_trust,
    struct weir_certificate *const *certificates, int count) {
    struct weir_group *groups = realloc(context->groups, sizeof *groups * (size_t)(context->group_count + 1));
    if (!groups || count > GROUP_CERTIFICATES_MAXIMUM) return -1;
    context->groups = groups;
    SSL_CTX *ssl = new_context(TLS_server_method(), context->options.min_version);
    if (!ssl) return -1;
    struct weir_group *group = &groups[context->group_count++];
    *group = (struct weir_group){.ssl = ssl};
    if (!context->ssl) context->ssl = ssl;
    SSL_CTX_set_app_data(ssl, context);
    // The order of the list above; phones without AES instructions still get ChaCha20 by asking first.
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ssl, context->options.scope, sizeof context->options.scope);
    SSL_CTX_set_timeout(ssl, 86400);
    SSL_CTX_set_tlsext_servername_callback(ssl, choose_group);
    SSL_CTX_set_tlsext_servername_arg(ssl, context);
    SSL_CTX_set_tlsext_status_cb(ssl, staple);
    if (context->options.tickets) SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, weir_tickets_use);
    else SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    if (context->options.speaks_http) SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, context);
    int fits = verify_clients(ssl, &context->options, client_trust);
    for (int i = 0; i < count; i++) {
        group->certificates[group->count++] = weir_certificate_keep(certificates[i]);
        fits = fits && use_certificate(ssl, certificates[i]);
    }
    ERR_clear_error();
    return fits ? context->group_count - 1 : -1;
}

int weir_tls_server_name(struct weir_tls_context *context, const char *name, int group) {
    if (context->name_count == context->name_capacity) {
        int capacity = context->name_capacity ? 2 * context->name_capacity : 8;
        struct weir_name *names = realloc(context->names, sizeof *names * (size_t)capacity);
        if (!names) return 0;
        context->names = names;
        context->name_capacity = capacity;
    }
    char *text = strdup(name);
    if (!text) return 0;
    context->names[context->name_count++] = (struct weir_name){text, group};
    return 1;
}

static int by_text(const void *one, const void *other) {
    return strcasecmp(((const struct weir_name *)one)->text, ((const struct weir_name *)other)->text);
}

void weir_tls_server_seal(struct weir_tls_context *context) {
    if (context->name_count) qsort(context->names, (size_t)context->name_count, sizeof *context->names, by_text);
}

// ---- Clients ----

struct weir_tls_context *weir_tls_client_new(const struct weir_client_options *options) {
    struct weir_tls_context *context = calloc(1, sizeof *context);
    if (!context) return NULL;
    context->references = 1;
    context->is_client = 1;
    context->verifies = options->verifies;
    SSL_CTX *ssl = context->ssl = new_context(TLS_client_method(), 2);
    int fits = ssl != NULL;
    if (fits) {
        SSL_CTX_set_app_data(ssl, context);
        // Sessions are kept by their owner, one for each name, and not by OpenSSL.
        SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(ssl, weir_tls_keep_session);
        SSL_CTX_set_verify(ssl, options->verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
        if (options->trust) SSL_CTX_set1_cert_store(ssl, options->trust->store);
        if (options->certificate) fits = fits && use_certificate(ssl, options->certificate);
        // This one function returns 0 for success.
        if (options->offers_http1 && options->offers_http2)
            fits = fits && SSL_CTX_set_alpn_protos(ssl, HTTP2_AND_1, sizeof HTTP2_AND_1 - 1) == 0;
        else if (options->offers_http2) fits = fits && SSL_CTX_set_alpn_protos(ssl, HTTP2, sizeof HTTP2 - 1) == 0;
        else if (options->offers_http1) fits = fits && SSL_CTX_set_alpn_protos(ssl, HTTP1, sizeof HTTP1 - 1) == 0;
    }
    ERR_clear_error();
    if (fits) return context;
    weir_tls_context_free(context);
    return NULL;
}

struct weir_tls_context *weir_tls_context_keep(struct weir_tls_context *context) {
    atomic_fetch_add(&context->references, 1);
    return context;
}

void weir_tls_context_free(struct weir_tls_context *context) {
    if (!context || atomic_fetch_sub(&context->references, 1) > 1) return;
    for (int i = 0; i < context->group_count; i++) {
        struct weir_group *group = &context->groups[i];
        for (int j = 0; j < group->count; j++) weir_certificate_free(group->certificates[j]);
        SSL_CTX_free(group->ssl);
    }
    weir_tickets_free(context->options.tickets);
    if (context->is_client) SSL_CTX_free(context->ssl);
    for (int i = 0; i < context->name_count; i++) free(context->names[i].text);
    free(context->names);
    free(context->groups);
    free(context);
}
