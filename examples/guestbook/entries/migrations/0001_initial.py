from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("words", models.TextField()),
                ("written_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={"verbose_name_plural": "entries"},
        )
    ]
