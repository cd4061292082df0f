/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS, or clear text where that may be. */
#include "base/log.h"

#include "main/certificate.h"
#include "main/process.h"
#include "main/system.h"

static enum rc check_plaintext(const struct server_options *options, struct err *err)
{
    if (options->tls_certificate || process_is_loopback(options->address))
        return RC_OK;
    if (!options->allow_plaintext)
        return err_fail(err, RC_FORBIDDEN,
                        "listening on %s would send tokens and outputs in clear text: set "
                        "tls-certificate and tls-key, or allow-plaintext where the network is "
                        "trusted",
                        options->address);
    log_warn("others reach this server in clear text", LOG_TEXT("address", options->address));
    return RC_OK;
}

enum rc system_read_certificate(struct system *system, struct err *err)
{
    const struct server_options *options = system->options;
    enum rc rc = check_plaintext(options, err);

    if (rc != RC_OK || !options->tls_certificate)
        return rc;
    rc = certificate_load(options->tls_certificate, options->tls_key, &system->certificate_files,
                          err);
    if (rc != RC_OK)
        return err_prefix(err, rc, "tls");
    system->certificate = certificate_texts(&system->certificate_files);
    return RC_OK;
}

const struct http_certificate *system_certificate(const struct system *system)
{
    return system->certificate.chain ? &system->certificate : NULL;
}

void system_forget_certificate(struct system *system)
{
    if (system->certificate.chain)
        certificate_release(&system->certificate_files);
    system->certificate = (struct http_certificate){0};
}

static enum rc show(struct system *system, struct err *err)
{
    enum rc rc = RC_OK;

    if (system->api)
        rc = api_renew(system->api, &system->certificate, err);
    if (rc == RC_OK && system->gate)
        rc = link_gate_renew(system->gate, &system->certificate, err);
    return rc;
}

void system_renew_certificate(void *context)
{
    struct system *system = context;
    struct err err = {0};
    enum rc rc;

    if (!system->options->tls_certificate) {
        log_info("there is no certificate to read again");
        return;
    }
    rc = system_read_certificate(system, &err);
    if (rc == RC_OK)
        rc = show(system, &err);
    if (rc == RC_OK)
        log_info("the certificate was read again");
    else
        log_error("the new certificate is not used; the old one stays", LOG_ERR(&err, rc));
    system_forget_certificate(system);
}
