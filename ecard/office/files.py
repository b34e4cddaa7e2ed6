"""The lists that come from files and go into them have the buttons for it."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import page_action
from ecard.cardholders.models import PersonList
from ecard.imports.kinds import KINDS
from ecard.imports.kinds.base import Kind
from ecard.imports.kinds.members import Members
from ecard.imports.queries import may_export, may_import
from ecard.office.sites import sites_of

BUTTONS = ("import_file", "export_file")


def kind_of(model: type[Model]) -> Kind | None:
    """What a list holds, where files may hold it; of lists of people, who is on them."""
    wanted = Members.model if model is PersonList else model
    return next((kind for kind in KINDS.values() if kind.model is wanted), None)


class WithFiles:
    """Leads from a list to importing and exporting, with what the file holds chosen. Files are about all sites."""

    def has_import_file_permission(self, request: HttpRequest) -> bool:
        kind = self.__kind()
        return kind is not None and sites_of(request) is None and may_import(request.user, kind)

    def has_export_file_permission(self, request: HttpRequest) -> bool:
        kind = self.__kind()
        return kind is not None and sites_of(request) is None and may_export(request.user, kind)

    @page_action(description=_("Import"), url_path="import-file", icon="upload_file", permissions=("import_file",))
    def import_file(self, request: HttpRequest) -> HttpResponse:
        return self.__lead("begin")

    @page_action(description=_("Export"), url_path="export-file", icon="download", permissions=("export_file",))
    def export_file(self, request: HttpRequest) -> HttpResponse:
        return self.__lead("export")

    def __kind(self) -> Kind | None:
        own: Any = self
        return kind_of(own.model)

    def __lead(self, page: str) -> HttpResponse:
        kind = self.__kind()
        chosen = urlencode({"kind": kind.name if kind else ""})
        return HttpResponseRedirect(f"{reverse(f'admin:imports_importbatch_{page}')}?{chosen}")
