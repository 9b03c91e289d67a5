#include "internal.h"

#include <openssl/err.h>
#include <stdio.h>
#include <sys/socket.h>

// What is sent as one record at most, and what may wait in `backlog` at most.
enum { RECORD_BYTES = SSL3_RT_MAX_PLAIN_LENGTH, BACKLOG_BYTES_MAXIMUM = 131072 };

struct weir_tls {
    SSL *ssl;
    struct weir_tls_context *context;
    int fd;
    // The last receive got less than it had room for; and: no receive now, whatever is missing.
    unsigned char was_short, holds_reads;
    unsigned char is_drained, has_ended, is_truncated, is_open, is_aborted, is_resumed;
    // More follows at once, so that the kernel need not send yet.
    unsigned char has_more;
    unsigned char failure;
    // Taken from the caller, but not reported to it until `backlog` is empty.
    unsigned char owes;
    int error;
    unsigned long reason;
    long verify_result;
    // Records that the socket did not take.
    unsigned char *backlog;
    size_t backlog_start, backlog_end, backlog_capacity;
    SSL_SESSION *session;
};

// ---- The socket below OpenSSL ----
//
// A method of our own instead of OpenSSL's: it knows when the socket is drained, and it takes every record whole, so
// that OpenSSL never has to be called again with the same bytes.

static int keep(struct weir_tls *tls, const char *bytes, size_t count) {
    size_t used = tls->backlog_end - tls->backlog_start;
    if (used + count > BACKLOG_BYTES_MAXIMUM) return 0;
    if (tls->backlog_end + count > tls->backlog_capacity) {
        size_t capacity = used + count;
        unsigned char *larger = malloc(capacity);
        if (!larger) return 0;
        if (used) memcpy(larger, tls->backlog + tls->backlog_start, used);
        free(tls->backlog);
        tls->backlog = larger;
        tls->backlog_start = 0;
        tls->backlog_end = used;
        tls->backlog_capacity = capacity;
    }
    memcpy(tls->backlog + tls->backlog_end, bytes, count);
    tls->backlog_end += count;
    return 1;
}

static long send_now(struct weir_tls *tls, const void *bytes, size_t count) {
    long sent;
    int flags = MSG_NOSIGNAL | (tls->has_more ? MSG_MORE : 0);
    do sent = send(tls->fd, bytes, count, flags);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

static int has_backlog(const struct weir_tls *tls) { return tls->backlog != NULL; }

// 1 if nothing is left, else a negated errno.
static int flush(struct weir_tls *tls) {
    while (has_backlog(tls)) {
        long sent = send_now(tls, tls->backlog + tls->backlog_start, tls->backlog_end - tls->backlog_start);
        if (sent < 0) return (int)sent;
        tls->backlog_start += (size_t)sent;
        if (tls->backlog_start < tls->backlog_end) continue;
        free(tls->backlog);
        tls->backlog = NULL;
        tls->backlog_start = tls->backlog_end = tls->backlog_capacity = 0;
    }
    return 1;
}

static int bio_write(BIO *bio, const char *bytes, int count) {
    struct weir_tls *tls = BIO_get_data(bio);
    long sent = has_backlog(tls) ? 0 : send_now(tls, bytes, (size_t)count);
    if (sent == count) return count;
    if (sent < 0 && sent != -EAGAIN) {
        tls->error = (int)-sent;
        return -1;
    }
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (keep(tls, bytes + done, (size_t)count - done)) return count;
    tls->error = ENOBUFS;
    return -1;
}

static int bio_read(BIO *bio, char *bytes, int capacity) {
    struct weir_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    long received = -1;
    if (!tls->holds_reads) {
        do received = recv(tls->fd, bytes, (size_t)capacity, 0);
        while (received < 0 && errno == EINTR);
    }
    if (received > 0) {
        tls->was_short = received < capacity;
        return (int)received;
    }
    if (received == 0) {
        tls->has_ended = 1;
        return 0;
    }
    if (tls->holds_reads || errno == EAGAIN) {
        BIO_set_retry_read(bio);
    } else {
        tls->error = errno;
    }
    return -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)number, (void)pointer;
    struct weir_tls *tls = BIO_get_data(bio);
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return tls->has_ended;
    return 0;
}

static int bio_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *weir_bio_method;

void weir_tls_start(void) {
    if (weir_bio_method) return;
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_SSL_STRINGS | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
                     NULL);
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "weir");
    if (!method) abort();
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
    BIO_meth_set_create(method, bio_create);
    weir_bio_method = method;
}

// ---- From nothing to a connection ----

static struct weir_tls *make(struct weir_tls_context *context, int fd) {
    struct weir_tls *tls = calloc(1, sizeof *tls);
    if (!tls) return NULL;
    tls->fd = fd;
    tls->ssl = SSL_new(context->ssl);
    BIO *bio = BIO_new(weir_bio_method);
    if (!tls->ssl || !bio) {
        SSL_free(tls->ssl);
        BIO_free(bio);
        free(tls);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_data(bio, tls);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_app_data(tls->ssl, tls);
    tls->context = weir_tls_context_keep(context);
    return tls;
}

struct weir_tls *weir_tls_accept(struct weir_tls_context *context, int fd) {
    struct weir_tls *tls = make(context, fd);
    if (tls) SSL_set_accept_state(tls->ssl);
    return tls;
}

struct weir_tls *weir_tls_connect(struct weir_tls_context *context, int fd, const char *name, struct weir_session *session) {
    struct weir_tls *tls = make(context, fd);
    if (!tls) return NULL;
    SSL_set_connect_state(tls->ssl);
    int fits = 1;
    if (name) {
        X509_VERIFY_PARAM *rules = SSL_get0_param(tls->ssl);
        X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (!X509_VERIFY_PARAM_set1_ip_asc(rules, name)) {
            ERR_clear_error();
            fits = SSL_set1_host(tls->ssl, name) && SSL_set_tlsext_host_name(tls->ssl, name);
        }
    }
    if (session) SSL_set_session(tls->ssl, (SSL_SESSION *)session);
    ERR_clear_error();
    if (fits) return tls;
    weir_tls_free(tls);
    return NULL;
}

void weir_tls_offer_http1(struct weir_tls *tls) {
    static const unsigned char http1[] = "\x08http/1.1";
    SSL_set_alpn_protos(tls->ssl, http1, sizeof http1 - 1);
}

void weir_tls_offer_nothing(struct weir_tls *tls) { SSL_set_alpn_protos(tls->ssl, NULL, 0); }

// Why the last call of OpenSSL did not succeed, as a negated errno; 0 is the end of what the other side sends.
static int outcome(struct weir_tls *tls, int result) {
    int kind = SSL_get_error(tls->ssl, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) return -EAGAIN;
    if (kind == SSL_ERROR_ZERO_RETURN) return 0;
    unsigned long error = ERR_peek_error();
    ERR_clear_error();
    if (tls->error) {
        tls->failure = WEIR_TLS_CLOSED;
        return -tls->error;
    }
    if (kind == SSL_ERROR_SYSCALL
        || (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
        tls->is_truncated = 1;
        tls->failure = WEIR_TLS_CLOSED;
        return 0;
    }
    int reason = ERR_GET_REASON(error);
    tls->reason = error;
    tls->verify_result = SSL_get_verify_result(tls->ssl);
    tls->failure = WEIR_TLS_PROTOCOL;
    if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) tls->failure = WEIR_TLS_ALERT;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) tls->failure = WEIR_TLS_CERTIFICATE;
    return -EPROTO;
}

// What went wrong is told by the last error in a queue of the thread: what other connections have left there is not ours.
static void forget_errors(void) {
    if (ERR_peek_error()) ERR_clear_error();
}

int weir_tls_handshake(struct weir_tls *tls) {
    if (has_backlog(tls)) {
        int result = flush(tls);
        if (result < 0) {
            if (result != -EAGAIN) tls->failure = WEIR_TLS_CLOSED;
            return result;
        }
    }
    if (!tls->is_open) {
        forget_errors();
        int result = SSL_do_handshake(tls->ssl);
        if (result != 1) {
            result = outcome(tls, result);
            return result == 0 ? -ECONNRESET : result;
        }
        tls->is_open = 1;
        tls->is_resumed = (unsigned char)SSL_session_reused(tls->ssl);
    }
    return has_backlog(tls) ? -EAGAIN : 1;
}

// ---- Bytes ----

long weir_tls_recv(struct weir_tls *tls, void *buffer, size_t capacity) {
    size_t total = 0;
    long result = 0;
    tls->was_short = tls->is_drained = 0;
    while (total < capacity) {
        size_t count = 0;
        forget_errors();
        result = SSL_read_ex(tls->ssl, (char *)buffer + total, capacity - total, &count);
        if (result != 1) {
            result = outcome(tls, (int)result);
            break;
        }
        total += count;
        if (!tls->was_short) continue;
        // What follows a short receive is in OpenSSL's buffer or still to come.
        if (!SSL_has_pending(tls->ssl)) {
            tls->is_drained = 1;
            break;
        }
        tls->holds_reads = 1;
    }
    tls->holds_reads = 0;
    if (total > 0) {
        // An end or an error is found again by the next call.
        if (result == -EAGAIN) tls->is_drained = 1;
        return (long)total;
    }
    return result;
}

long weir_tls_peek(struct weir_tls *tls) {
    char byte;
    size_t count = 0;
    forget_errors();
    int result = SSL_peek_ex(tls->ssl, &byte, 1, &count);
    return result == 1 ? 1 : outcome(tls, result);
}

// One record, at most RECORD_BYTES. 1, or a negated errno.
static int send_record(struct weir_tls *tls, const void *bytes, size_t count) {
    size_t written = 0;
    forget_errors();
    int result = SSL_write_ex(tls->ssl, bytes, count, &written);
    if (result == 1) return 1;
    result = outcome(tls, result);
    // Nothing of ours makes OpenSSL wait: a handshake that it wants to finish first cannot.
    return result == 0 || result == -EAGAIN ? -ECONNRESET : result;
}

// What the socket did not take is in `backlog` then. The last byte is not reported as sent before the backlog is gone,
// so that the caller comes again when the socket takes bytes.
static long report(struct weir_tls *tls, size_t total) {
    if (!has_backlog(tls)) return (long)total;
    tls->owes = 1;
    return total > 1 ? (long)total - 1 : -EAGAIN;
}

long weir_tls_send(struct weir_tls *tls, const void *bytes, size_t count) {
    size_t total = 0;
    if (has_backlog(tls)) {
        int result = flush(tls);
        if (result < 0) return result;
    }
    if (tls->owes && count > 0) {
        tls->owes = 0;
        total = 1;
    }
    while (total < count && !has_backlog(tls)) {
        size_t rest = count - total;
        size_t piece = rest < RECORD_BYTES ? rest : RECORD_BYTES;
        tls->has_more = rest > piece;
        int result = send_record(tls, (const char *)bytes + total, piece);
        tls->has_more = 0;
        if (result < 0) return result;
        total += piece;
    }
    return report(tls, total);
}

long weir_tls_send_two(struct weir_tls *tls, const void *one, size_t one_count, const void *two, size_t two_count) {
    if (has_backlog(tls) || tls->owes || one_count >= RECORD_BYTES) return weir_tls_send(tls, one, one_count);
    char record[RECORD_BYTES];
    size_t part = RECORD_BYTES - one_count < two_count ? RECORD_BYTES - one_count : two_count;
    memcpy(record, one, one_count);
    memcpy(record + one_count, two, part);
    tls->has_more = part < two_count;
    int result = send_record(tls, record, one_count + part);
    tls->has_more = 0;
    if (result < 0) return result;
    if (has_backlog(tls) || part == two_count) return report(tls, one_count + part);
    long more = weir_tls_send(tls, (const char *)two + part, two_count - part);
    return more < 0 ? more : (long)(one_count + part) + more;
}

int weir_tls_is_drained(const struct weir_tls *tls) { return tls->is_drained; }

int weir_tls_is_truncated(const struct weir_tls *tls) { return tls->is_truncated; }

int weir_tls_shutdown(struct weir_tls *tls) {
    if (!tls->is_open || tls->is_aborted || tls->failure) return 1;
    if (!(SSL_get_shutdown(tls->ssl) & SSL_SENT_SHUTDOWN)) SSL_shutdown(tls->ssl);
    ERR_clear_error();
    return flush(tls);
}

void weir_tls_abort(struct weir_tls *tls) { tls->is_aborted = 1; }

void weir_tls_free(struct weir_tls *tls) {
    if (!tls) return;
    weir_tls_shutdown(tls);
    // What was not closed well is no reason to forget its session.
    SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(tls->ssl);
    SSL_SESSION_free(tls->session);
    free(tls->backlog);
    weir_tls_context_free(tls->context);
    ERR_clear_error();
    free(tls);
}

// ---- What is known of it ----

enum weir_tls_failure weir_tls_failure(const struct weir_tls *tls) { return (enum weir_tls_failure)tls->failure; }

int weir_tls_failure_detail(const struct weir_tls *tls) {
    switch (tls->failure) {
    case WEIR_TLS_CLOSED: return tls->error;
    case WEIR_TLS_CERTIFICATE: return (int)tls->verify_result;
    case WEIR_TLS_ALERT: return ERR_GET_REASON(tls->reason) - SSL_AD_REASON_OFFSET;
    case WEIR_TLS_PROTOCOL: return ERR_GET_LIB(tls->reason) == ERR_LIB_SSL ? ERR_GET_REASON(tls->reason) : 0;
    default: return 0;
    }
}

size_t weir_tls_failure_text(enum weir_tls_failure failure, int detail, char *buffer, size_t capacity) {
    const char *text = "no failure", *kind = "";
    switch (failure) {
    case WEIR_TLS_NO_FAILURE: break;
    case WEIR_TLS_CLOSED: text = detail ? strerror(detail) : "connection closed"; break;
    case WEIR_TLS_CERTIFICATE: text = X509_verify_cert_error_string(detail); break;
    case WEIR_TLS_ALERT:
        kind = "alert: ";
        text = SSL_alert_desc_string_long(detail);
        break;
    case WEIR_TLS_PROTOCOL:
        OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
        text = detail ? ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, detail)) : NULL;
        if (!text) text = "protocol error";
    }
    int count = snprintf(buffer, capacity, "%s%s", kind, text);
    return count < 0 ? 0 : (size_t)count < capacity ? (size_t)count : capacity - 1;
}

int weir_tls_is_plain_http(int detail) { return detail == SSL_R_HTTP_REQUEST; }

int weir_tls_is_resumed(const struct weir_tls *tls) { return tls->is_resumed; }

int weir_tls_version(const struct weir_tls *tls) { return SSL_version(tls->ssl) == TLS1_3_VERSION ? 3 : 2; }

int weir_tls_has_agreed(const struct weir_tls *tls) {
    const unsigned char *name = NULL;
    unsigned count = 0;
    SSL_get0_alpn_selected(tls->ssl, &name, &count);
    return count > 0;
}

int weir_tls_speaks_http2(const struct weir_tls *tls) {
    const unsigned char *name = NULL;
    unsigned count = 0;
    SSL_get0_alpn_selected(tls->ssl, &name, &count);
    return count == 2 && memcmp(name, "h2", 2) == 0;
}

const char *weir_tls_server_name_asked(const struct weir_tls *tls) {
    return SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
}

int weir_tls_has_peer_certificate(const struct weir_tls *tls) {
    return SSL_get0_peer_certificate(tls->ssl) != NULL && SSL_get_verify_result(tls->ssl) == X509_V_OK;
}

size_t weir_tls_peer_certificate(const struct weir_tls *tls, uint8_t *buffer, size_t capacity) {
    X509 *shown = SSL_get0_peer_certificate(tls->ssl);
    if (!shown || SSL_get_verify_result(tls->ssl) != X509_V_OK) return 0;
    int count = i2d_X509(shown, NULL);
    if (count <= 0 || (size_t)count > capacity) return 0;
    i2d_X509(shown, &buffer);
    return (size_t)count;
}

// ---- Sessions of clients ----

int weir_tls_keep_session(SSL *ssl, SSL_SESSION *session) {
    struct weir_tls *tls = SSL_get_app_data(ssl);
    SSL_SESSION_free(tls->session);
    tls->session = session;
    return 1;
}

struct weir_session *weir_tls_take_session(struct weir_tls *tls) {
    SSL_SESSION *session = tls->session;
    tls->session = NULL;
    return (struct weir_session *)session;
}

void weir_session_free(struct weir_session *session) { SSL_SESSION_free((SSL_SESSION *)session); }
