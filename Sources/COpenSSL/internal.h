#ifndef WEIR_COPENSSL_INTERNAL_H
#define WEIR_COPENSSL_INTERNAL_H

#include "COpenSSL.h"

#include <errno.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CHAIN_MAXIMUM = 10, GROUP_CERTIFICATES_MAXIMUM = 8, TICKET_KEYS_MAXIMUM = 4 };

struct weir_certificate {
    atomic_int references;
    X509 *chain[CHAIN_MAXIMUM];
    int chain_count;
    EVP_PKEY *key;
    unsigned char *ocsp;
    size_t ocsp_count;
};

struct weir_trust {
    X509_STORE *store;
    STACK_OF(X509_NAME) *names;
};

struct weir_group {
    SSL_CTX *ssl;
    struct weir_certificate *certificates[GROUP_CERTIFICATES_MAXIMUM];
    int count;
};

struct weir_name {
    char *text;
    int group;
};

struct weir_tls_context {
    atomic_int references;
    struct weir_server_options options;
    struct weir_group *groups;
    int group_count;
    struct weir_name *names;
    int name_count, name_capacity;
    // The first group's, or a client's only one.
    SSL_CTX *ssl;
    int is_client, verifies;
};

extern BIO_METHOD *weir_bio_method;
// What a connection or a context uses lives as long as that does.
struct weir_tls_context *weir_tls_context_keep(struct weir_tls_context *context);
struct weir_certificate *weir_certificate_keep(struct weir_certificate *certificate);
struct weir_tickets *weir_tickets_keep(struct weir_tickets *tickets);
int weir_tickets_use(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int makes);
int weir_tls_keep_session(SSL *ssl, SSL_SESSION *session);

#endif
