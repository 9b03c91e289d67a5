// TLS by OpenSSL, behind functions of plain values. None of its headers is seen outside of this module.
#ifndef WEIR_COPENSSL_H
#define WEIR_COPENSSL_H

#include <stddef.h>
#include <stdint.h>

struct weir_certificate;  // a chain with its key, checked
struct weir_trust;        // certificates that others are verified against
struct weir_tickets;      // the keys of session tickets
struct weir_tls_context;  // what the connections of one listener or pool have in common
struct weir_tls;          // one connection
struct weir_session;      // what a client resumes with

// Once, before anything else. Reads no configuration file and loads no texts.
void weir_tls_start(void);

// SHA-256.
void weir_digest(const void *bytes, size_t count, uint8_t result[32]);

// ---- Certificates ----

enum weir_certificate_problem {
    WEIR_CERTIFICATE_FITS,
    WEIR_CHAIN_NOT_PEM,
    WEIR_CHAIN_MALFORMED,
    WEIR_CHAIN_BROKEN,      // one is not issued by the next
    WEIR_CHAIN_TOO_LONG,
    WEIR_KEY_NOT_PEM,
    WEIR_KEY_ENCRYPTED,
    WEIR_KEY_OF_ANOTHER,    // it does not belong to the first certificate
    WEIR_KEY_TOO_WEAK,
    WEIR_OCSP_MALFORMED,
    WEIR_OCSP_UNSUCCESSFUL,
    WEIR_OCSP_OF_ANOTHER,
    WEIR_OUT_OF_MEMORY,
};

enum weir_key_kind { WEIR_KEY_RSA, WEIR_KEY_ECDSA, WEIR_KEY_EDDSA, WEIR_KEY_OTHER };

struct weir_certificate_facts {
    int64_t not_before, not_after;  // seconds since 1970
    int64_t ocsp_next_update;       // 0: there is no OCSP response, or it does not say
    int key_kind, key_bits, chain_length;
    int broken_at;                  // of WEIR_CHAIN_BROKEN: counted from 0
    uint8_t fingerprint[32];        // SHA-256 of the first certificate
};

// One reference, or NULL and why in `problem`. `ocsp` may be NULL.
struct weir_certificate *weir_certificate_load(const void *chain, size_t chain_count, const void *key, size_t key_count,
    const void *ocsp, size_t ocsp_count, enum weir_certificate_problem *problem, struct weir_certificate_facts *facts);
void weir_certificate_free(struct weir_certificate *certificate);
// The DNS names, or the common name where there are none, each followed by a newline; the count of bytes.
size_t weir_certificate_names(const struct weir_certificate *certificate, char *buffer, size_t capacity);

struct weir_trust *weir_trust_new(void);
// How many certificates were added; negative: a part of the text is none.
int weir_trust_add(struct weir_trust *trust, const void *pem, size_t count);
void weir_trust_free(struct weir_trust *trust);

// ---- Ticket keys: made by one thread, used by all ----

#define WEIR_TICKET_KEY_BYTES 80
struct weir_tickets *weir_tickets_new(void);
// The first key makes tickets, the others only read them; at most 4. Not more often than once a minute.
void weir_tickets_set(struct weir_tickets *tickets, const uint8_t *keys, int count);
void weir_tickets_free(struct weir_tickets *tickets);

// ---- Contexts: immutable once sealed ----

enum weir_client_certificates { WEIR_CLIENT_OFF, WEIR_CLIENT_OPTIONAL, WEIR_CLIENT_REQUIRED };

struct weir_server_options {
    int min_version;                // 2 or 3, of 1.x
    int offers_http2;
    int speaks_http;                // ALPN is answered at all
    int client_certificates;
    struct weir_tickets *tickets;       // NULL: sessions are not resumed
    uint8_t scope[32];              // sessions are resumed within one scope only
};
struct weir_tls_context *weir_tls_server_new(const struct weir_server_options *options);
// Certificates of different key kinds for the same names; the first group is the default. Its number, or -1.
// `client_trust` may be NULL if no client certificates are wanted.
int weir_tls_server_add(struct weir_tls_context *context, const struct weir_trust *client_trust,
    struct weir_certificate *const *certificates, int count);
// Clients that ask for `name`, in lower case, get that group; `*.example.com` stands for one label.
int weir_tls_server_name(struct weir_tls_context *context, const char *name, int group);
void weir_tls_server_seal(struct weir_tls_context *context);

struct weir_client_options {
    int verifies;
    int offers_http1, offers_http2;
    struct weir_trust *trust;
    struct weir_certificate *certificate;  // NULL: none is shown
};
struct weir_tls_context *weir_tls_client_new(const struct weir_client_options *options);
void weir_tls_context_free(struct weir_tls_context *context);

// ---- Connections. Numbers below zero are negated errnos, -EAGAIN among them ----

struct weir_tls *weir_tls_accept(struct weir_tls_context *context, int fd);
// `name` is asked for and verified; an address in text form is only verified. `session` may be NULL.
struct weir_tls *weir_tls_connect(struct weir_tls_context *context, int fd, const char *name, struct weir_session *session);
// 1 when it is done. -EPROTO: it failed, and `weir_tls_failure` says why.
int weir_tls_handshake(struct weir_tls *tls);
long weir_tls_recv(struct weir_tls *tls, void *buffer, size_t capacity);
long weir_tls_peek(struct weir_tls *tls);
long weir_tls_send(struct weir_tls *tls, const void *bytes, size_t count);
long weir_tls_send_two(struct weir_tls *tls, const void *one, size_t one_count, const void *two, size_t two_count);
// Nothing is left of what the socket had when it was last read.
int weir_tls_is_drained(const struct weir_tls *tls);
// The end came without the close_notify that says so.
int weir_tls_is_truncated(const struct weir_tls *tls);
// Sends close_notify; receiving goes on. -EAGAIN: again when the socket takes bytes.
int weir_tls_shutdown(struct weir_tls *tls);
// From now on nothing is said any more, not even close_notify.
void weir_tls_abort(struct weir_tls *tls);
void weir_tls_free(struct weir_tls *tls);

enum weir_tls_failure {
    WEIR_TLS_NO_FAILURE,
    WEIR_TLS_CLOSED,       // the other side closed or reset the connection
    WEIR_TLS_PROTOCOL,     // what it sent cannot be agreed with
    WEIR_TLS_CERTIFICATE,  // its certificate was not accepted here
    WEIR_TLS_ALERT,        // it sent an alert
};
// The alert "no application protocol" (RFC 7301).
#define WEIR_ALERT_NO_PROTOCOL 120
// What came instead of TLS was an HTTP request.
int weir_tls_is_plain_http(int detail);
enum weir_tls_failure weir_tls_failure(const struct weir_tls *tls);
// The errno, reason, verification result or alert behind it, to be told in words elsewhere.
int weir_tls_failure_detail(const struct weir_tls *tls);
// In words, for a person; the count of bytes. Slow the first time.
size_t weir_tls_failure_text(enum weir_tls_failure failure, int detail, char *buffer, size_t capacity);

int weir_tls_is_resumed(const struct weir_tls *tls);
int weir_tls_version(const struct weir_tls *tls);   // 2 or 3, of 1.x
// Before the handshake of a client's end: offers HTTP/1.1 alone, or nothing, whatever its context offers.
void weir_tls_offer_http1(struct weir_tls *tls);
void weir_tls_offer_nothing(struct weir_tls *tls);
// Both sides have agreed on any protocol (ALPN); on HTTP/2.
int weir_tls_has_agreed(const struct weir_tls *tls);
int weir_tls_speaks_http2(const struct weir_tls *tls);
// The name that the client asked for, or NULL.
const char *weir_tls_server_name_asked(const struct weir_tls *tls);
int weir_tls_has_peer_certificate(const struct weir_tls *tls);
// The DER form of the certificate that the other side has shown and that was verified; the count of bytes, 0: none.
size_t weir_tls_peer_certificate(const struct weir_tls *tls, uint8_t *buffer, size_t capacity);

// What a later connection to the same name can resume with, newer than what was taken before, or NULL.
struct weir_session *weir_tls_take_session(struct weir_tls *tls);
void weir_session_free(struct weir_session *session);

#endif
