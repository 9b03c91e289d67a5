#include "internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <time.h>

static int64_t seconds_of(const ASN1_TIME *time) {
    struct tm parts;
    if (!time || !ASN1_TIME_to_tm(time, &parts)) return 0;
    return (int64_t)timegm(&parts);
}

static int64_t seconds_of_generalized(const ASN1_GENERALIZEDTIME *time) { return seconds_of((const ASN1_TIME *)time); }

static int refuse_passphrase(char *buffer, int size, int writes, void *asked) {
    (void)buffer, (void)size, (void)writes;
    *(int *)asked = 1;
    return -1;
}

static enum weir_certificate_problem read_chain(struct weir_certificate *certificate, const void *text, size_t count) {
    BIO *bio = BIO_new_mem_buf(text, (int)count);
    enum weir_certificate_problem problem = WEIR_CERTIFICATE_FITS;
    if (!bio) return WEIR_OUT_OF_MEMORY;
    for (;;) {
        X509 *next = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (!next) break;
        if (certificate->chain_count == CHAIN_MAXIMUM) {
            X509_free(next);
            problem = WEIR_CHAIN_TOO_LONG;
            break;
        }
        certificate->chain[certificate->chain_count++] = next;
    }
    unsigned long error = ERR_peek_last_error();
    int is_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    if (problem != WEIR_CERTIFICATE_FITS) return problem;
    if (!is_end) return WEIR_CHAIN_MALFORMED;
    return certificate->chain_count == 0 ? WEIR_CHAIN_NOT_PEM : WEIR_CERTIFICATE_FITS;
}

static enum weir_certificate_problem read_key(struct weir_certificate *certificate, const void *text, size_t count) {
    int asked = 0;
    BIO *bio = BIO_new_mem_buf(text, (int)count);
    if (!bio) return WEIR_OUT_OF_MEMORY;
    certificate->key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &asked);
    ERR_clear_error();
    BIO_free(bio);
    if (certificate->key) return WEIR_CERTIFICATE_FITS;
    return asked ? WEIR_KEY_ENCRYPTED : WEIR_KEY_NOT_PEM;
}

static int kind_of(const EVP_PKEY *key) {
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: case EVP_PKEY_RSA_PSS: return WEIR_KEY_RSA;
    case EVP_PKEY_EC: return WEIR_KEY_ECDSA;
    case EVP_PKEY_ED25519: case EVP_PKEY_ED448: return WEIR_KEY_EDDSA;
    default: return WEIR_KEY_OTHER;
    }
}

static enum weir_certificate_problem check(struct weir_certificate *certificate, struct weir_certificate_facts *facts) {
    facts->chain_length = certificate->chain_count;
    facts->not_before = seconds_of(X509_get0_notBefore(certificate->chain[0]));
    facts->not_after = seconds_of(X509_get0_notAfter(certificate->chain[0]));
    facts->key_kind = kind_of(certificate->key);
    facts->key_bits = EVP_PKEY_get_bits(certificate->key);
    X509_digest(certificate->chain[0], EVP_sha256(), facts->fingerprint, NULL);
    int fits = X509_check_private_key(certificate->chain[0], certificate->key);
    ERR_clear_error();
    if (!fits) return WEIR_KEY_OF_ANOTHER;
    if (EVP_PKEY_get_security_bits(certificate->key) < 112) return WEIR_KEY_TOO_WEAK;
    for (int i = 0; i + 1 < certificate->chain_count; i++) {
        EVP_PKEY *issuer = X509_get0_pubkey(certificate->chain[i + 1]);
        int is_issued = X509_check_issued(certificate->chain[i + 1], certificate->chain[i]) == X509_V_OK && issuer
            && X509_verify(certificate->chain[i], issuer) == 1;
        ERR_clear_error();
        facts->broken_at = i;
        if (!is_issued) return WEIR_CHAIN_BROKEN;
    }
    return WEIR_CERTIFICATE_FITS;
}

// The response must be about the first certificate of the chain. Its signature is the client's business.
static enum weir_certificate_problem take_ocsp(struct weir_certificate *certificate, const void *bytes, size_t count,
                                               struct weir_certificate_facts *facts) {
    enum weir_certificate_problem problem = WEIR_OCSP_OF_ANOTHER;
    const unsigned char *cursor = bytes;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &cursor, (long)count);
    ERR_clear_error();
    if (!response) return WEIR_OCSP_MALFORMED;
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL || !basic) problem = WEIR_OCSP_UNSUCCESSFUL;
    for (int i = 0; basic && i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *one = OCSP_resp_get0(basic, i);
        ASN1_INTEGER *serial = NULL;
        ASN1_GENERALIZEDTIME *next = NULL;
        OCSP_id_get0_info(NULL, NULL, NULL, &serial, (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(one));
        if (!serial || ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(certificate->chain[0])) != 0) continue;
        OCSP_single_get0_status(one, NULL, NULL, NULL, &next);
        facts->ocsp_next_update = next ? seconds_of_generalized(next) : 0;
        problem = WEIR_CERTIFICATE_FITS;
        break;
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    if (problem != WEIR_CERTIFICATE_FITS) return problem;
    certificate->ocsp = malloc(count);
    if (!certificate->ocsp) return WEIR_OUT_OF_MEMORY;
    memcpy(certificate->ocsp, bytes, count);
    certificate->ocsp_count = count;
    return WEIR_CERTIFICATE_FITS;
}

struct weir_certificate *weir_certificate_load(const void *chain, size_t chain_count, const void *key, size_t key_count,
    const void *ocsp, size_t ocsp_count, enum weir_certificate_problem *problem, struct weir_certificate_facts *facts) {
    memset(facts, 0, sizeof *facts);
    struct weir_certificate *certificate = calloc(1, sizeof *certificate);
    *problem = WEIR_OUT_OF_MEMORY;
    if (!certificate) return NULL;
    certificate->references = 1;
    *problem = read_chain(certificate, chain, chain_count);
    if (*problem == WEIR_CERTIFICATE_FITS) *problem = read_key(certificate, key, key_count);
    if (*problem == WEIR_CERTIFICATE_FITS) *problem = check(certificate, facts);
    if (*problem == WEIR_CERTIFICATE_FITS && ocsp) *problem = take_ocsp(certificate, ocsp, ocsp_count, facts);
    if (*problem == WEIR_CERTIFICATE_FITS) return certificate;
    weir_certificate_free(certificate);
    return NULL;
}

struct weir_certificate *weir_certificate_keep(struct weir_certificate *certificate) {
    atomic_fetch_add(&certificate->references, 1);
    return certificate;
}

void weir_certificate_free(struct weir_certificate *certificate) {
    if (!certificate || atomic_fetch_sub(&certificate->references, 1) > 1) return;
    for (int i = 0; i < certificate->chain_count; i++) X509_free(certificate->chain[i]);
    EVP_PKEY_free(certificate->key);
    free(certificate->ocsp);
    free(certificate);
}

static size_t put_name(const unsigned char *text, int length, char *buffer, size_t used, size_t capacity) {
    if (length <= 0 || memchr(text, 0, (size_t)length) || memchr(text, '\n', (size_t)length)) return used;
    if (used + (size_t)length + 1 > capacity) return used;
    memcpy(buffer + used, text, (size_t)length);
    buffer[used + (size_t)length] = '\n';
    return used + (size_t)length + 1;
}

size_t weir_certificate_names(const struct weir_certificate *certificate, char *buffer, size_t capacity) {
    size_t used = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate->chain[0], NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS) continue;
        used = put_name(ASN1_STRING_get0_data(name->d.dNSName), ASN1_STRING_length(name->d.dNSName), buffer, used, capacity);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    if (used > 0) return used;
    X509_NAME *subject = X509_get_subject_name(certificate->chain[0]);
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0) return 0;
    const ASN1_STRING *common = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index));
    return put_name(ASN1_STRING_get0_data(common), ASN1_STRING_length(common), buffer, 0, capacity);
}

struct weir_trust *weir_trust_new(void) {
    struct weir_trust *trust = calloc(1, sizeof *trust);
    if (!trust) return NULL;
    trust->store = X509_STORE_new();
    trust->names = sk_X509_NAME_new_null();
    if (trust->store && trust->names) return trust;
    weir_trust_free(trust);
    return NULL;
}

int weir_trust_add(struct weir_trust *trust, const void *pem, size_t count) {
    BIO *bio = BIO_new_mem_buf(pem, (int)count);
    int added = 0;
    if (!bio) return -1;
    for (;;) {
        X509 *next = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
        if (!next) break;
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(next));
        if (!name || !sk_X509_NAME_push(trust->names, name)) X509_NAME_free(name);
        added += X509_STORE_add_cert(trust->store, next);
        X509_free(next);
    }
    unsigned long error = ERR_peek_last_error();
    int is_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    return is_end ? added : -1;
}

void weir_trust_free(struct weir_trust *trust) {
    if (!trust) return;
    X509_STORE_free(trust->store);
    sk_X509_NAME_pop_free(trust->names, X509_NAME_free);
    free(trust);
}
